"""Checkpoints and the check of everything: what is gone or altered is named, on the page and by the command."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from app import clock
from app.db import db
from app.events.checking import STALE, ask_for_check, check_on, keep_checking, runs
from app.events.checkpoint import Checkpoint, CheckpointHead, make_checkpoint
from app.events.integrity_run import IntegrityRun
from app.events.verifying_checkpoints import verify_checkpoints
from app.guards import create_guards, drop_guards
from app.issues.comment import add_comment
from app.issues.editing import retitle
from tests.support import world as worlds
from tests.support.deliveries import deliver, writes_again
from tests.support.meanwhile import meanwhile
from tests.support.web import Browser, browser_of, words


@pytest.fixture
def admin(app: Flask, world: worlds.World) -> Browser:
    root = worlds.person("Root", admin=True)
    db.session.commit()
    return browser_of(app, root)


def tamper(*statements: str, **values: Any) -> None:
    drop_guards(db.session.connection())
    if db.engine.dialect.name == "sqlite":
        db.session.execute(text("PRAGMA defer_foreign_keys=ON"))
    for statement in statements:
        db.session.execute(text(statement), values)
    create_guards(db.session.connection())
    db.session.commit()


def check_all(seconds: float = 30) -> IntegrityRun:
    """Work on the run as a worker does, stretch after stretch."""
    end = clock.monotonic() + seconds
    while runs()[0].state == "running":
        assert clock.monotonic() < end
        db.session.rollback()
        check_on.func(runs()[0].id)
        writes_again()
    return runs()[0]


def cut(world: worlds.World, *, seq: int) -> None:
    """Take the newest events of the issue away as somebody would who has the database and knows it well."""
    gone = "(SELECT id FROM events WHERE issue_id = :id AND seq > :seq)"
    before = "SELECT {} FROM events WHERE issue_id = :id AND seq = :seq"
    tamper(
        f"DELETE FROM deliveries WHERE event_id IN {gone}",
        f"DELETE FROM event_texts WHERE event_id IN {gone}",
        "DELETE FROM comments WHERE issue_id = :id AND event_seq > :seq",
        "DELETE FROM events WHERE issue_id = :id AND seq > :seq",
        f"UPDATE issues SET event_seq = :seq, comment_count = 0, event_head = ({before.format('hash')}) WHERE id = :id",
        id=world.issue.id,
        seq=seq,
    )


def test_a_checkpoint_holds_the_heads_of_what_moved_and_follows_the_one_before(world: worlds.World) -> None:
    first = make_checkpoint()
    assert first is not None
    assert first.heads == 5  # three people, a project, an issue
    assert make_checkpoint() is None
    retitle(world.issue, "Another", actor=world.actor)
    db.session.commit()
    deliver()
    second = make_checkpoint()
    assert second is not None
    heads = db.session.scalars(
        select(CheckpointHead).where(CheckpointHead.checkpoint == 2).order_by(CheckpointHead.subject)
    )
    db.session.refresh(world.issue)
    assert [(one.subject, one.seq) for one in heads] == [("audit", 6), ("issue", 2)]
    assert second.prev_hash == first.hash
    compared = verify_checkpoints()
    assert (compared.difference, compared.checkpoints, compared.heads) == (None, 2, 7)


def test_the_end_of_a_history_that_was_cut_off_is_seen(app: Flask, world: worlds.World) -> None:
    add_comment(world.issue, worlds.said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()
    run = app.test_cli_runner().invoke
    cut(world, seq=1)
    assert "nothing differs" in run(args=["events", "verify"]).output
    writes_again()

    add_comment(world.issue, worlds.said("Again"), author=world.member, actor=world.member.actor)
    db.session.commit()
    assert "Checkpoint 1: 5 heads" in run(args=["events", "checkpoint"]).output
    assert "Nothing moved" in run(args=["events", "checkpoint"]).output
    writes_again()
    cut(world, seq=1)
    issue_id = world.issue.id
    db.session.rollback()
    for options in ([], ["--project", "ORC"]):
        done = run(args=["events", "verify", *options])
        assert done.exit_code == 1
        assert f"the issue with the id {issue_id}, event 2: checkpoint 1 of" in done.output
        assert "it is gone" in done.output


def test_an_issue_that_is_gone_with_all_its_events_is_seen(app: Flask, world: worlds.World) -> None:
    other = worlds.issue(world.project, world.lead, title="Second")
    db.session.commit()
    make_checkpoint()
    gone, other_id = "(SELECT id FROM events WHERE issue_id = :id)", other.id
    tamper(
        f"DELETE FROM deliveries WHERE event_id IN {gone}",
        f"DELETE FROM event_texts WHERE event_id IN {gone}",
        "DELETE FROM subscriptions WHERE issue_id = :id",
        "DELETE FROM events WHERE issue_id = :id",
        "DELETE FROM issues WHERE id = :id",
        id=other_id,
    )
    done = app.test_cli_runner().invoke(args=["events", "verify"])
    assert done.exit_code == 1
    assert f"the issue with the id {other_id}, event 1: checkpoint 1" in done.output


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE checkpoints SET root = prev_hash WHERE number = 1", "checkpoint 1: it was changed"),
        (
            "UPDATE checkpoints SET prev_hash = root WHERE number = 2",
            "checkpoint 2: it does not follow",
        ),
        ("UPDATE checkpoint_heads SET head = 'x' WHERE subject = 'project'", "are not those it was made of"),
        ("DELETE FROM checkpoint_heads WHERE subject = 'issue' AND seq = 1", "there are 4"),
    ],
)
def test_a_checkpoint_that_was_altered_is_named(
    app: Flask, world: worlds.World, statement: str, said: str
) -> None:
    make_checkpoint()
    retitle(world.issue, "Another", actor=world.actor)
    db.session.commit()
    make_checkpoint()
    tamper(statement)
    done = app.test_cli_runner().invoke(args=["events", "verify"])
    assert done.exit_code == 1
    assert said in done.output


def test_what_was_written_anew_is_found_by_a_checkpoint_that_was_carried_elsewhere(
    app: Flask, admin: Browser, world: worlds.World, tmp_path: Path
) -> None:
    make_checkpoint()
    page = admin.get("/admin/integrity")
    assert "JSON of checkpoint 1" in words(page)
    carried = admin.get("/admin/integrity/checkpoints/1.json")
    assert len(carried.json["heads"]) == 6
    assert carried.json["hash"] == db.session.scalar(select(Checkpoint.hash))
    assert admin.get("/admin/integrity/checkpoints/2.json").status_code == 404
    file = tmp_path / "kept.json"
    file.write_text(carried.text)
    run = app.test_cli_runner().invoke
    assert "nothing differs" in run(args=["events", "verify", "--against", str(file)]).output
    writes_again()
    tamper("DELETE FROM checkpoint_heads", "DELETE FROM checkpoints")
    retitle(world.issue, "Forged", actor=world.actor)
    db.session.commit()
    make_checkpoint()
    assert "nothing differs" in run(args=["events", "verify"]).output
    writes_again()
    done = run(args=["events", "verify", "--against", str(file)])
    assert (done.exit_code, "not the one that was carried elsewhere" in done.output) == (1, True)
    file.write_text("[]")
    refused = run(args=["events", "verify", "--against", str(file)])
    assert "the file is no checkpoint of Tidings" in refused.output


def test_checking_now_shows_progress_and_ends_well(admin: Browser, world: worlds.World) -> None:
    assert "Not checked yet" in words(admin.get("/admin/integrity"))
    assert admin.post("/admin/integrity/runs").status_code == 303
    assert admin.post("/admin/integrity/runs").status_code == 303
    page = admin.get("/admin/integrity")
    assert "0 of 6 looked at" in words(page)
    assert 'hx-trigger="every 2s"' in page.text
    writes_again()
    assert len(runs()) == 1
    done = check_all()
    assert (done.state, done.issues, done.projects, done.people) == ("fine", 1, 1, 4)
    page = admin.get("/admin/integrity")
    assert "Nothing differs." in words(page)
    assert "every 2s" not in page.text


def test_the_first_difference_is_named_with_both_sides(admin: Browser, world: worlds.World) -> None:
    tamper("UPDATE issues SET priority = 'urgent' WHERE id = :id", id=world.issue.id)
    admin.post("/admin/integrity/runs")
    writes_again()
    assert check_all().state == "differs"
    page = admin.get("/admin/integrity")
    assert "ORC-1, event 1." in words(page)
    assert "Field priority Event says 'none' Row says 'urgent' Look at ORC-1, event 1" in words(page)
    assert 'href="/issues/ORC-1"' in page.text


def test_a_run_goes_on_where_it_stood_and_one_left_lying_is_taken_up(world: worlds.World) -> None:
    for number in range(3):
        worlds.issue(world.project, world.lead, title=f"Issue {number}")
    run = ask_for_check()
    run.place_kind, run.place_id = "issue", world.issue.id
    run.worked_at = clock.now() - STALE
    db.session.commit()
    tamper("UPDATE issues SET priority = 'urgent' WHERE id = :id", id=world.issue.id)  # behind the place
    keep_checking()
    done = check_all()
    assert (done.state, done.issues, done.projects) == ("fine", 3, 0)


def test_two_workers_on_one_stretch_count_it_once(app: Flask, world: worlds.World) -> None:
    run_id = ask_for_check().id
    db.session.commit()
    with meanwhile(app, "FROM projects", lambda: check_on.func(run_id)):
        check_on.func(run_id)
    writes_again()
    done = check_all()
    assert (done.state, done.issues, done.projects, done.people) == ("fine", 1, 1, 3)


def test_the_night_has_its_own_run_once(world: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now.replace(hour=12))
    keep_checking()
    assert not runs()
    monkeypatch.setattr(clock, "now", lambda: now.replace(hour=3))
    keep_checking()
    writes_again()
    assert [one.by_hand for one in runs()] == [False]
    check_all()
    keep_checking()
    assert len(runs()) == 1


def test_integrity_is_for_administrators_alone(app: Flask, world: worlds.World) -> None:
    make_checkpoint()
    browser = browser_of(app, world.lead)
    for path in ("/admin/integrity", "/admin/integrity/checkpoints/1.json"):
        assert browser.get(path).status_code == 404
    for path in ("/admin/integrity/runs", "/admin/integrity/checkpoints"):
        assert browser.post(path).status_code == 404
    writes_again()
    assert not runs()
