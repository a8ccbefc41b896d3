"""The audit log: an entry for every act of administration, once, in a chain that shows what was altered or is gone."""

import csv
import io
import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.accounts.people import deactivate, make_admin, rename_person
from app.audit.entry import AuditEntry, AuditText
from app.audit.keeping import is_audited
from app.audit.queries import Wanted, entries
from app.audit.verifying import verify_audit
from app.context import caused_by
from app.db import db
from app.events.actions import ACTIONS
from app.events.event import Event
from app.guards import create_guards, drop_guards
from app.inboxes.setting import switched_off
from app.issues.comment import add_comment
from app.projects.membership import change_role
from app.projects.project import rename
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, refused_by_database, row, writes_again
from tests.support.web import Browser, browser_of, words


@pytest.fixture
def root(world: worlds.World) -> worlds.User:
    """An administrator; what was done before is in the log."""
    made = worlds.person("Root", admin=True)
    db.session.commit()
    deliver()
    return made


@pytest.fixture
def browser(app: Flask, root: worlds.User) -> Browser:
    return browser_of(app, root)


def tamper(statement: str, **values: Any) -> None:
    drop_guards(db.session.connection())
    db.session.execute(text(statement), values)
    create_guards(db.session.connection())
    db.session.commit()


def newest() -> Any:
    db.session.rollback()
    return entries(Wanted())[0][0]


def test_every_act_of_administration_has_one_entry_and_nothing_else_has(
    world: worlds.World, root: worlds.User
) -> None:
    rename(world.project, "Garden", actor=world.actor)
    add_comment(world.issue, worlds.said("Hello"), author=world.member, actor=world.member.actor)
    deactivate(world.stranger, actor=root.actor)
    db.session.commit()
    deliver()
    deliver()

    audited = {
        event.id
        for event in db.session.scalars(select(Event))
        if is_audited(event.subject, ACTIONS[event.subject, event.action])
    }
    kept = db.session.scalars(select(AuditEntry.event_id).order_by(AuditEntry.id)).all()
    assert sorted(kept) == sorted(audited)
    assert list(db.session.scalars(select(AuditEntry.id).order_by(AuditEntry.id))) == list(
        range(1, len(kept) + 1)
    )
    assert verify_audit().wrong is None


def test_an_entry_says_who_did_what_to_whom_from_where_in_the_words_of_its_time(
    world: worlds.World, root: worlds.User
) -> None:
    with caused_by(address="192.0.2.7", agent="Firefox"):
        change_role(world.project, world.member, role="viewer", actor=root.actor)
        db.session.commit()
    deliver()
    rename_person(world.member, "Somebody Else", actor=world.member.actor)
    db.session.commit()

    one = newest()
    assert (one.actor, one.words) == ("Root", "changed the role of Otis Member → Viewer")
    assert (one.subject, one.action, one.family) == ("Orchard (ORC)", "member_role_changed", "people")
    assert (one.address, one.agent) == ("192.0.2.7", "Firefox")


def test_what_failed_is_kept_once_when_it_is_tried_again(world: worlds.World, root: worlds.User) -> None:
    before = db.session.scalar(select(func.count()).select_from(AuditEntry))
    with refused_by_database("audit_texts"):
        rename(world.project, "Garden", actor=world.actor)
        db.session.commit()
        deliver()
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == before
    assert row("audit_log", "renamed").state == "failed"
    make_due()
    deliver()
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == (before or 0) + 1
    assert verify_audit().wrong is None


def test_the_database_refuses_to_change_or_remove_an_entry(root: worlds.User) -> None:
    for statement in (
        "UPDATE audit_entries SET action = 'x'",
        "DELETE FROM audit_entries",
        "UPDATE audit_texts SET words = 'x'",
    ):
        with pytest.raises(DBAPIError, match="never changes"):
            db.session.execute(text(statement))
        db.session.rollback()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE audit_entries SET action = 'signed_out' WHERE id = 3", "entry 3 was changed"),
        ("UPDATE audit_entries SET prev_hash = hash WHERE id = 4", "entry 4 does not follow"),
        (
            "UPDATE audit_texts SET words = 'did nothing' WHERE entry_id = 2",
            "the words of entry 2 were changed",
        ),
        ("DELETE FROM audit_entries WHERE id = 2", "entry 2 is missing"),
        ("DELETE FROM audit_entries WHERE id = (SELECT max(id) FROM audit_entries)", "its entry is gone"),
    ],
)
def test_what_was_altered_is_named(app: Flask, root: worlds.User, statement: str, named: str) -> None:
    run = app.test_cli_runner().invoke
    assert "nothing differs" in run(args=["audit", "verify"]).output
    writes_again()
    if statement.startswith("DELETE"):
        tamper(statement.replace("audit_entries WHERE id", "audit_texts WHERE entry_id"))
    tamper(statement)
    done = run(args=["audit", "verify"])
    assert done.exit_code == 1
    assert named in done.output


def test_an_entry_outlives_the_removal_of_its_words(root: worlds.User) -> None:
    db.session.execute(text("DELETE FROM audit_texts WHERE entry_id = 2"))
    db.session.commit()
    assert verify_audit().wrong is None
    assert "[removed]" in entries(Wanted(), below=3)[0][0].words


def test_its_switch_is_locked_on_and_its_deliveries_are_not_given_up(
    browser: Browser, world: worlds.World
) -> None:
    page = words(browser.get("/admin/inboxes"))
    assert "Always on: a record with gaps proves nothing" in page
    refused = browser.post("/admin/inboxes/audit_log", {})
    assert refused.status_code == 409
    assert "Audit log cannot be switched off" in words(refused)
    writes_again()
    assert switched_off() == set()
    with refused_by_database("audit_texts"):
        rename(world.project, "Garden", actor=world.actor)
        db.session.commit()
        deliver()
    failed = row("audit_log", "renamed")
    assert browser.post(f"/admin/deliveries/{failed.id}/discard").status_code == 409
    assert browser.post("/admin/deliveries/discard", {"state": "failed"}).status_code == 303
    writes_again()
    assert row("audit_log", "renamed").state == "failed"


def test_the_page_is_for_administrators_alone(app: Flask, world: worlds.World) -> None:
    browser = browser_of(app, world.lead)
    for path in ("/admin/audit", "/admin/audit/1", "/admin/audit.csv", "/admin/audit.json"):
        assert browser.get(path).status_code == 404
        assert browser_of(app).get(path).status_code in (303, 404)


def test_the_page_is_filtered_and_paged(browser: Browser, world: worlds.World, root: worlds.User) -> None:
    for number in range(60):
        rename(world.project, f"Garden {number}", actor=world.actor)
    make_admin(world.lead, True, actor=root.actor)
    db.session.commit()
    deliver()
    first = browser.get("/admin/audit")
    assert "Root" in words(first)
    assert "made Rowan an administrator" in words(first)
    assert "Show older" in first.text
    link = first.text.split('class="btn" href="/admin/audit?')[-1].split('"')[0].replace("&amp;", "&")
    older = words(browser.get(f"/admin/audit?{link}"))
    assert "→ “Garden 59”" not in older
    assert "created the project" in older
    for query, there, gone in (
        ("action=renamed", "→ “Garden 59”", "made Rowan"),
        ("family=admin", "made Rowan an administrator", "→ “Garden 59”"),
        (f"actor={root.username}", "made Rowan an administrator", "→ “Garden 59”"),
        ("actor=system", "made the account of Otis", "→ “Garden 59”"),
        ("q=garden+59", "→ “Garden 59”", "made Rowan"),
        ("to=2001-01-01", "No such entry", "“Garden"),
        ("from=2999-01-01", "No such entry", "“Garden"),
        ("q=%25", "No such entry", "“Garden"),
    ):
        page = words(browser.get(f"/admin/audit?{query}"))
        assert there in page, query
        assert gone not in page, query
    assert browser.get("/admin/audit/999").status_code == 404


@pytest.mark.parametrize("query", ["from=yesterday", "to=0001-01-01", "action=x", "family=x", "cursor=x"])
def test_a_filter_that_means_nothing_is_refused_in_words(browser: Browser, query: str) -> None:
    answer = browser.get(f"/admin/audit?{query}")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_the_log_is_carried_away_whole_and_a_spreadsheet_is_not_tricked(
    browser: Browser, world: worlds.World
) -> None:
    world.member.name = "Otis"
    for name in ("=1+1", "+1", "-1", "@x"):
        rename_person(world.member, name, actor=world.member.actor)
    db.session.commit()
    deliver()
    total = db.session.scalar(select(func.count()).select_from(AuditEntry))
    table = list(csv.DictReader(io.StringIO(browser.get("/admin/audit.csv").text)))
    assert len(table) == total
    assert [one["number"] for one in table] == [str(number) for number in range(total or 0, 0, -1)]
    assert {one["actor"] for one in table if one["action"] == "user_renamed"} == {"'@x"}
    listed = json.loads(browser.get("/admin/audit.json?action=user_renamed").text)
    assert {one["actor"] for one in listed} == {"@x"}
    assert browser.get("/admin/audit.json?q=nothing+like+this").json == []


def test_what_an_import_administers_is_kept_too(world: worlds.World) -> None:
    with caused_by(imported=True):
        rename(world.project, "Brought in", actor=world.actor)
        db.session.commit()
    assert row("audit_log", "renamed").state == "delivered"
    assert "Brought in" in newest().words
    assert db.session.scalar(select(func.count()).select_from(AuditText)) == 1
