"""Verifying names the first event that was tampered with, and the row that disagrees with its events."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.db import db
from app.events.action import Subject
from app.events.chain import ORDER, SEALED, canonical, seal
from app.events.verifying import Verified, verify
from app.guards import create_guards, drop_guards
from app.issues.assignment import assign
from app.issues.comment import add_comment, delete_comment, edit_comment
from app.issues.editing import prioritise, retitle
from app.issues.label import add_labels, create_label, remove_labels
from app.issues.workflow import change_status
from app.projects.membership import change_role
from app.projects.project import rename
from tests.support import world as worlds


@pytest.fixture
def busy(world: worlds.World) -> worlds.World:
    """The usual world with a history of ten events on its issue."""
    issue, actor = world.issue, world.actor
    labels = [create_label(world.project, name=name, color="moss", actor=actor) for name in ("a", "b")]
    retitle(issue, "Another title", actor=actor)
    first = add_comment(issue, worlds.said("One"), author=world.member, actor=world.member.actor)
    second = add_comment(issue, worlds.said("Two"), author=world.lead, actor=actor)
    edit_comment(issue, first, worlds.said("One, better"), version=1, actor=world.member.actor)
    delete_comment(issue, second, author=world.lead.ref, actor=actor)
    add_labels(issue, labels, actor=actor)
    remove_labels(issue, labels[:1], actor=actor)
    assign(issue, [world.member], actor=actor)
    prioritise(issue, "high", actor=actor)
    change_status(issue, "start", actor=actor)
    rename(world.project, "Garden", actor=actor)
    change_role(world.project, world.member, role="viewer", actor=actor)
    db.session.commit()
    return world


def tamper(statement: str, **values: Any) -> None:
    """Do what the guards forbid, as somebody with the database in hand could."""
    drop_guards(db.session.connection())
    db.session.execute(text(statement), values)
    create_guards(db.session.connection())
    db.session.commit()


def verified(key: str | None = None) -> Verified:
    found = list(verify(key))[-1]
    db.session.rollback()
    return found


def test_an_honest_history_verifies(busy: worlds.World) -> None:
    done = verified()
    assert done.difference is None
    assert (done.issues, done.projects, done.people) == (1, 1, 3)
    assert done.events == busy.issue.event_seq + busy.project.event_seq + 3


def test_a_missing_text_is_a_redaction_and_no_difference(busy: worlds.World) -> None:
    tamper("DELETE FROM event_texts")
    assert verified().difference is None


@pytest.mark.parametrize(
    ("statement", "seq", "reason"),
    [
        ("UPDATE events SET action = 'reopened' WHERE issue_id = :id AND seq = 4", 4, "was changed after"),
        ("UPDATE events SET actor_id = NULL WHERE issue_id = :id AND seq = 2", 2, "was changed after"),
        ("UPDATE events SET prev_hash = hash WHERE issue_id = :id AND seq = 6", 6, "does not follow"),
        (
            "UPDATE event_texts SET text = 'Nothing' WHERE field = 'excerpt' AND event_id = "
            "(SELECT id FROM events WHERE issue_id = :id AND seq = 4)",
            4,
            "its text “excerpt” was changed",
        ),
        ("UPDATE issues SET title = 'Card payments fail' WHERE id = :id", 2, "title 'Another title'"),
        ("UPDATE issues SET status = 'closed' WHERE id = :id", 11, "says status 'in_progress'"),
        ("UPDATE issues SET priority = 'low' WHERE id = :id", 10, "says priority 'high'"),
        ("UPDATE issues SET comment_count = 9 WHERE id = :id", 6, "says comment_count 1"),
        ("DELETE FROM issue_labels WHERE issue_id = :id", 8, "says labels"),
        ("DELETE FROM issue_assignees WHERE issue_id = :id", 9, "says assignees"),
        (
            "UPDATE comments SET body = 'One' WHERE issue_id = :id AND event_seq = 3",
            5,
            "not what was recorded",
        ),
        ("UPDATE issues SET event_seq = 12 WHERE id = :id", 12, "it is missing"),
    ],
)
def test_what_was_tampered_with_is_named(busy: worlds.World, statement: str, seq: int, reason: str) -> None:
    tamper(statement, id=busy.issue.id)
    found = verified().difference
    assert found is not None
    assert (found.subject, found.seq) == ("ORC-1", seq)
    assert reason in found.reason
    inside = verified("ORC").difference
    assert inside == found


def test_an_event_that_is_gone_is_named(busy: worlds.World) -> None:
    ids = "(SELECT id FROM events WHERE issue_id = :id AND seq = 9)"
    tamper(f"DELETE FROM deliveries WHERE event_id = {ids}", id=busy.issue.id)
    tamper(f"DELETE FROM event_texts WHERE event_id = {ids}", id=busy.issue.id)
    tamper("DELETE FROM events WHERE issue_id = :id AND seq = 9", id=busy.issue.id)
    assert str(verified().difference) == "ORC-1, event 9: it is missing; the next one there has the number 10"


def test_projects_and_people_are_checked_too(busy: worlds.World) -> None:
    tamper("UPDATE users SET is_admin = :yes WHERE id = :id", id=busy.stranger.id, yes=True)
    assert verified("ORC").difference is None
    found = verified().difference
    assert found is not None
    assert (found.subject, found.seq) == (f"@{busy.stranger.username}", 1)
    tamper("UPDATE memberships SET role = 'lead' WHERE user_id = :id", id=busy.member.id)
    found = verified("ORC").difference
    assert found is not None
    assert found.subject == "ORC"
    assert "says members" in found.reason


def test_the_command_ends_with_1_at_a_difference(app: Flask) -> None:
    with app.app_context():
        issue_id = worlds.build().issue.id
    runner = app.test_cli_runner()
    fine = runner.invoke(args=["events", "verify"])
    assert (fine.exit_code, "nothing differs" in fine.output) == (0, True), fine.output
    with app.app_context():
        tamper("UPDATE issues SET status = 'closed' WHERE id = :id", id=issue_id)
    bad = runner.invoke(args=["events", "verify", "--project", "orc"])
    assert bad.exit_code == 1
    assert "ORC-1, event 1" in bad.output
    unknown = runner.invoke(args=["events", "verify", "--project", "NONE"])
    assert (unknown.exit_code, "no project NONE" in unknown.output) == (1, True)


def test_what_is_hashed_is_canonical_json_whatever_stands_in_a_row() -> None:
    at = datetime(2026, 5, 4, 3, 2, 1, 7, tzinfo=UTC)
    row = dict.fromkeys(SEALED) | {
        "v": 1,
        "seq": 2**40,
        "quiet": True,
        "subject": Subject.issue,
        "actor_ref": 'quotes " and \\ and \u2028 and \x07 and Ünïcode 🍐',
        "facts": {"z": [1, {"b": None, "a": False}], "a": "“", "mentions": []},
    }
    whole = {**row, "created_at": "2026-05-04T03:02:01.000007Z", "prev": "p"}
    assert seal(row, at, "p") == sha256(canonical(whole)).hexdigest()
    assert sorted(ORDER) == sorted(whole)
    assert seal(row | {"seq": True}, at, "p") != seal(row | {"seq": 1}, at, "p")
