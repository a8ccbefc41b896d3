"""A person who was erased is nowhere to be found, and all that happened still verifies."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import inspect, select, text, update

from app import clock
from app.accounts import erased
from app.accounts.erased import NAME, Erased
from app.accounts.erasing import erase
from app.accounts.erasure import Erasure, erase_on, go_on, keep_erasing
from app.accounts.people import create_person, rename_person
from app.accounts.queries import person_to_administer
from app.accounts.session import open_session
from app.accounts.token import create_token
from app.accounts.user import User
from app.audit.verifying import verify_audit
from app.config import ROOT
from app.context import caused_by
from app.db import db
from app.errors import Conflict
from app.events.checkpoint import make_checkpoint
from app.events.event import SYSTEM
from app.events.verifying import verify
from app.events.verifying_checkpoints import verify_checkpoints
from app.inboxes.repair import discard
from app.issues.assignment import assign, unassign
from app.issues.comment import add_comment
from app.issues.issue import Issue, assignee_ids
from app.issues.label import create_label
from app.issues.subscription import watch
from app.issues.visit import note_visit
from app.notifications.outgoing_mail import OutgoingMail
from app.projects.membership import add_member
from app.worker import rq
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, refused_by_database, row, rows, writes_again
from tests.support.meanwhile import meanwhile
from tests.support.web import browser_of, words

TRACES = ("Zebulon", "Quist", "zquist", "zeb@quist.example", "203.0.113.77", "SpyBrowser")


def dump() -> dict[str, set[str]]:
    """Trace -> the columns of the database in which it stands."""
    db.session.rollback()
    there = inspect(db.session.connection())
    found: dict[str, set[str]] = {}
    for table in there.get_table_names():
        for one in db.session.execute(text(f"SELECT * FROM {table}")).mappings():
            for column, value in one.items():
                for trace in TRACES:
                    if trace.lower() in str(value).lower():
                        found.setdefault(trace, set()).add(f"{table}.{column}")
    return found


@pytest.fixture
def zeb(world: worlds.World) -> User:
    """Somebody who has left traces wherever a person can."""
    root = worlds.person("Root", admin=True)
    with caused_by(address="203.0.113.77", agent="SpyBrowser 1"):
        made = create_person(
            username="zquist",
            email="zeb@quist.example",
            name="Zebulon",
            password_hash="x",
            via="admin",
            actor=root.actor,
            admin=True,
        )
        open_session(made, address="203.0.113.77", agent="SpyBrowser 1")
        create_token(made, title="Zebulon's laptop", scope="write", actor=made.actor)
        rename_person(made, "Zebulon Quist", actor=made.actor)
    add_member(world.project, made, role="member", actor=world.actor)
    create_label(world.project, name="Quist", color="moss", actor=world.actor)
    watch(world.issue, world.lead, actor=world.actor)
    assign(world.issue, [made, world.member], actor=world.actor)
    add_comment(world.issue, worlds.said("I did this"), author=made, actor=made.actor)
    add_comment(world.issue, worlds.said("Well done"), author=world.lead, actor=world.actor)
    note_visit(world.issue, made, seen_seq=3)
    db.session.commit()
    deliver()
    with refused_by_database("notifications"):
        add_comment(world.issue, worlds.said("Again"), author=world.lead, actor=world.actor)
        db.session.commit()
        for _ in range(8):
            make_due()
            deliver()
    discard(row("in_app_notifications", "commented").id, by=made, actor=made.actor)
    db.session.commit()
    deliver()
    make_checkpoint()
    return made


def test_every_chain_verifies_while_the_texts_are_still_going(world: worlds.World, zeb: User) -> None:  # noqa: ARG001
    erase(person_to_administer("zquist"), actor=SYSTEM)
    db.session.commit()
    assert db.session.get(Erasure, zeb.id) is not None
    assert [done.difference for done in verify() if done.difference] == []


def test_nothing_in_the_database_says_who_it_was_and_every_chain_verifies(
    world: worlds.World, zeb: User
) -> None:
    before = dump()
    for place in (
        "users.name",
        "event_texts.text",
        "audit_texts.words",
        "outgoing_mails.text",
        "deliveries.reason",
    ):
        assert place in before["Zebulon"], place
    assert {"sessions.address", "event_origins.address", "audit_texts.address"} <= before["203.0.113.77"]

    erase(person_to_administer("zquist"), actor=SYSTEM)
    db.session.commit()
    assert go_on(zeb.id)
    deliver()

    after = dump()
    of_the_label = {"labels.name", "event_texts.text", "audit_texts.words"}
    assert after.pop("Quist") == of_the_label
    assert after == {}
    assert list(verify())[-1].difference is None
    assert verify_checkpoints().difference is None
    assert verify_audit().wrong is None
    make_checkpoint()
    assert verify_checkpoints().difference is None


def test_what_happened_stays_as_a_former_members(app: Flask, world: worlds.World, zeb: User) -> None:
    texts = len(db.session.scalars(select(OutgoingMail.id)).all())
    erase(person_to_administer("zquist"), actor=SYSTEM)
    db.session.commit()
    assert browser_of(app, world.lead).get("/people/zquist").status_code == 404
    assert go_on(zeb.id)
    deliver()
    page = words(browser_of(app, world.lead).get("/issues/ORC-1"))
    assert NAME in page
    assert "I did this" in page
    assert "Zebulon" not in page
    assert len(db.session.scalars(select(OutgoingMail.id)).all()) >= texts
    assert browser_of(app, world.lead).get("/people/zquist").status_code == 404
    writes_again()
    assert zeb.id in assignee_ids(world.issue)
    unassign(world.issue, [zeb], actor=world.actor)
    db.session.commit()


def test_an_administrator_erases_with_a_second_press_and_not_twice(app: Flask, zeb: User) -> None:
    root = db.session.scalar(select(User).where(User.name == "Root"))
    assert root is not None
    browser = browser_of(app, root)
    page = browser.get("/admin/people/zquist")
    assert "Erase Zebulon Quist for good" in words(page)
    assert browser.post("/admin/people/zquist/erase").status_code == 303
    erased = browser.get(f"/admin/people/former-{zeb.id}")
    assert "Erase" not in words(erased)
    assert "is being removed: their names in events, step 1 of" in words(erased)
    part = browser.get(f"/admin/people/former-{zeb.id}", headers={"HX-Request-Type": "partial"})
    assert part.text.strip().startswith('<div class="card pad stack" id="erasure"')
    assert go_on(zeb.id)
    done = browser.get(f"/admin/people/former-{zeb.id}")
    assert "Everything here that said who this person was is gone" in words(done)
    assert browser.post(f"/admin/people/former-{zeb.id}/erase").status_code == 409
    assert "erased the personal data of a former member" in words(browser.get("/admin/audit")) or rows()
    stranger = browser_of(app, db.session.scalar(select(User).where(User.name == "Otis")))
    assert stranger.post("/admin/people/rowan1/erase").status_code == 404


def test_the_last_administrator_is_not_erased_and_nothing_is_half_done(app: Flask) -> None:
    with app.app_context():
        worlds.person("Solo", admin=True)
        db.session.commit()
        name = db.session.scalar(select(User.username)) or ""
        db.session.rollback()
    run = app.test_cli_runner().invoke
    refused = run(args=["user", "erase", name, "--yes"])
    assert (refused.exit_code, "only administrator" in refused.output) == (1, True)
    assert "Nobody has" in run(args=["user", "erase", "nobody@example.org", "--yes"]).output
    with app.app_context():
        db.session.rollback()
        assert db.session.scalar(select(User.name)) == "Solo"


def test_the_command_asks_first(app: Flask) -> None:
    with app.app_context():
        worlds.person("Solo", admin=True)
        email = worlds.person("Zed").email
        db.session.commit()
    run = app.test_cli_runner().invoke
    assert run(args=["user", "erase", email or "", "-h"]).exit_code != 0
    assert run(args=["user", "erase", email or ""], input="n\n").exit_code == 1
    assert "Erased" in run(args=["user", "erase", email or ""], input="y\n").output


def test_only_whole_words_are_replaced() -> None:
    who = Erased(1, frozenset({"Al"}), frozenset({"al", "al@x.org"}))
    assert who.without("Al said: Also ask AL@x.org or Alma, al!") == (
        "Former member said: Also ask [removed] or Alma, [removed]!"
    )


def test_erasing_twice_is_refused(zeb: User) -> None:
    erase(person_to_administer("zquist"), actor=SYSTEM)
    db.session.commit()
    with pytest.raises(Conflict, match="already"):
        erase(person_to_administer(f"former-{zeb.id}"), actor=SYSTEM)


DIES = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from app import create_app

commits = []

@event.listens_for(Engine, "commit")
def die(connection):
    commits.append(1)
    if len(commits) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

from app.accounts import erased
erased.AT_ONCE = 1
create_app().test_cli_runner().invoke(args=["user", "erase", "zquist", "--yes"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("commits", [4, 9, 15])
def test_an_erasure_whose_process_was_killed_is_finished_by_the_clock(
    app: Flask, zeb: User, commits: int
) -> None:
    settings = app.extensions["settings"]
    known = {"DATABASE_URL": settings.database_url, "TIDINGS_INSTANCE": str(settings.instance)}
    known |= {"REDIS_URL": "redis://127.0.0.1:1/0", "SECRET_KEY": "tests"}
    dies = [sys.executable, "-c", DIES, str(commits)]
    assert subprocess.run(dies, cwd=ROOT, env=os.environ | known, check=False).returncode == -signal.SIGKILL
    db.session.rollback()
    assert db.session.scalar(select(User.name).where(User.id == zeb.id)) == NAME
    left = db.session.get(Erasure, zeb.id)
    assert left is not None
    assert "Zebulon" in left.names
    keep_erasing()
    assert db.session.get(Erasure, zeb.id, populate_existing=True) is not None, (
        "somebody may be at work on it"
    )
    writes_again()
    db.session.execute(update(Erasure).values(worked_at=clock.now() - timedelta(minutes=2)))
    db.session.commit()
    rq.get_queue("sync").empty()
    keep_erasing()
    [job] = rq.get_queue("sync").jobs
    assert (job.func_name, job.args) == ("app.accounts.erasure.erase_on", [zeb.id])
    erase_on.func(zeb.id)
    deliver()
    assert {*dump()} <= {"Quist"}
    assert list(verify())[-1].difference is None
    assert verify_audit().wrong is None


def test_others_write_between_the_parts_and_a_second_worker_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, app: Flask, world: worlds.World, zeb: User
) -> None:
    monkeypatch.setattr(erased, "AT_ONCE", 1)
    erase(person_to_administer("zquist"), actor=SYSTEM)
    db.session.commit()
    issue_id, lead_id = world.issue.id, world.lead.id

    def other() -> None:
        author = db.session.get_one(User, lead_id)
        issue = db.session.get_one(Issue, issue_id)
        add_comment(issue, worlds.said("In between"), author=author, actor=author.actor)
        db.session.commit()
        assert go_on(zeb.id)

    with meanwhile(app, "FROM outgoing_mails", other):
        assert go_on(zeb.id)
    deliver()
    assert {*dump()} <= {"Quist"}
    assert list(verify())[-1].difference is None
