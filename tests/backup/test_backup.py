"""A backup holds everything, comes back whole or not at all, and what the copy cannot know is void or doubtful."""

import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask_migrate import downgrade
from sqlalchemy import func, select, text

from app import clock
from app.accounts.session import SignInSession, open_session
from app.accounts.user import User
from app.audit.verifying import verify_audit
from app.db import db
from app.errors import Invalid
from app.events.checkpoint import make_checkpoint
from app.events.event import Event
from app.events.verifying import verify
from app.events.verifying_checkpoints import verify_checkpoints
from app.guards import missing_guards
from app.inboxes.claiming import claim_due
from app.inboxes.delivery import Delivery, DeliveryTarget
from app.issues.comment import add_comment
from app.issues.issue import Issue
from app.issues.subscription import watch
from app.migrating import mismatch
from app.restores import Restore
from app.web.paging import decode_cursor, encode_cursor
from tests.support import world as worlds
from tests.support.deliveries import deliver


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    """A command on an app whose own connections are given back."""
    db.session.remove()
    with app.app_context():
        done = app.test_cli_runner().invoke(args=list(arguments))
        db.session.remove()
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.fixture
def told(world: worlds.World, context: Flask) -> worlds.World:
    """A world with something delivered, something due and something under way."""
    watch(world.issue, world.member, actor=world.actor)
    add_comment(world.issue, worlds.said("Delivered"), author=world.lead, actor=world.actor)
    db.session.commit()
    deliver()
    open_session(world.lead, address="127.0.0.1", agent="Firefox")
    add_comment(world.issue, worlds.said("Due"), author=world.lead, actor=world.actor)
    db.session.commit()
    claim_due("events", ["audit_log", "analytics"], limit=1, by="somebody")
    db.session.commit()
    make_checkpoint()
    return world


@pytest.fixture
def copy(told: worlds.World, context: Flask, tmp_path: Path) -> Path:
    """A backup of it."""
    place = tmp_path / "copy.tidings"
    code, said = run(context, "backup", str(place))
    assert code == 0, said
    assert "SECRET_KEY is not in it" in said
    return place


def count(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Event)) or 0


def test_everything_comes_back_and_verifies(
    copy: Path, told: worlds.World, context: Flask, elsewhere: Flask
) -> None:
    assert copy.stat().st_mode & 0o777 == 0o600
    assert b"tests" not in zipfile.ZipFile(copy).read("manifest.json")
    assert [one.name for one in copy.parent.glob(".copy*")] == []
    cursor = encode_cursor(7)
    events = db.session.scalar(select(func.max(Event.id)))
    issue_id, lead_id, epoch = told.issue.id, told.lead.id, told.lead.live_epoch
    code, said = run(elsewhere, "restore", str(copy))
    assert code == 0, said
    with elsewhere.app_context():
        assert mismatch() is None
        assert missing_guards(db.session.connection()) == set()
        assert list(verify())[-1].difference is None
        assert verify_checkpoints().difference is None
        assert verify_audit().wrong is None
        assert db.session.scalars(select(SignInSession.ended_at)).all().count(None) == 0
        lead = db.session.get_one(User, lead_id)
        assert lead.live_epoch == epoch + 1
        with pytest.raises(Invalid):
            decode_cursor(cursor, int)
        assert decode_cursor(encode_cursor(7), int) == (7,)
        [restored] = db.session.scalars(select(Restore))
        assert restored.last_event_id == events
        assert restored.made_at <= restored.at <= clock.now()
        overdue = select(Delivery).where(
            Delivery.state == "processing", Delivery.next_attempt_at > clock.now()
        )
        assert db.session.scalar(overdue) is None
        add_comment(db.session.get_one(Issue, issue_id), worlds.said("On"), author=lead, actor=lead.actor)
        db.session.commit()
        assert (db.session.scalar(select(func.max(Event.id))) or 0) > (events or 0)
        deliver()
        assert db.session.scalar(select(Delivery.id).where(Delivery.next_attempt_at <= clock.now())) is None
        assert list(verify())[-1].difference is None
        db.session.remove()


def test_what_may_have_gone_out_since_the_copy_was_made_is_sent_and_marked(
    copy: Path, context: Flask, elsewhere: Flask
) -> None:
    deliver()
    assert set(db.session.scalars(select(DeliveryTarget.doubts))) == {0}
    assert run(elsewhere, "restore", str(copy))[0] == 0
    with elsewhere.app_context():
        deliver()
        mails = select(DeliveryTarget.doubts, DeliveryTarget.state, DeliveryTarget.reason).join(
            Delivery, Delivery.id == DeliveryTarget.delivery_id
        )
        newest = select(func.max(Event.id)).where(Event.action == "commented").scalar_subquery()
        found = db.session.execute(mails.where(Delivery.event_id == newest)).all()
        assert found
        for doubts, state, reason in found:
            assert (doubts, state) == (1, "delivered")
            assert "may have been sent twice" in reason
        db.session.remove()


def cut(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:-3000])


def foreign(place: Path) -> None:
    place.write_bytes(b"MZ this is something else" * 100)


def no_manifest(place: Path) -> None:
    with zipfile.ZipFile(place, "w") as made:
        made.writestr("holiday.jpg", b"x")


def rewritten(place: Path, **changes: Any) -> None:
    with zipfile.ZipFile(place) as old:
        members = {name: old.read(name) for name in old.namelist()}
    said = json.loads(members["manifest.json"]) | changes
    with zipfile.ZipFile(place, "w") as made:
        for name, data in members.items():
            made.writestr(name, json.dumps(said) if name == "manifest.json" else data)


def damaged(place: Path) -> None:
    with zipfile.ZipFile(place) as old:
        [part, *_] = json.loads(old.read("manifest.json"))["parts"]
    rewritten(place, parts=[{**part, "sha256": "0" * 64}])


def of_the_other_kind(place: Path) -> None:
    with zipfile.ZipFile(place) as old:
        here = json.loads(old.read("manifest.json"))["database"]
    rewritten(place, database="sqlite" if here == "postgresql" else "postgresql")


def of_a_newer_release(place: Path) -> None:
    rewritten(place, revision="9999")


def of_another_form(place: Path) -> None:
    rewritten(place, form=2)


def gone(place: Path) -> None:
    place.unlink()


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (cut, "cut off"),
        (foreign, "no backup of Tidings"),
        (no_manifest, "has no manifest"),
        (damaged, "is damaged"),
        (of_the_other_kind, "same kind"),
        (of_a_newer_release, "newer release"),
        (of_another_form, "newer release"),
        (gone, "no such file"),
    ],
)
def test_what_cannot_be_restored_is_refused_in_a_sentence_and_changes_nothing(
    copy: Path, context: Flask, spoil: Any, word: str
) -> None:
    before = count(context)
    spoil(copy)
    code, said = run(context, "restore", str(copy), "--force")
    assert (code, word in said, "Nothing was changed" in said) == (1, True, True), said
    assert count(context) == before
    assert missing_guards(db.session.connection()) == set()


def test_nothing_is_overwritten_without_force(copy: Path, context: Flask, tmp_path: Path) -> None:
    before = copy.read_bytes()
    code, said = run(context, "backup", str(copy))
    assert (code, "something of that name" in said) == (1, True)
    assert copy.read_bytes() == before
    assert run(context, "backup", str(copy), "--force")[0] == 0
    assert run(context, "backup", str(tmp_path / "no" / "where"))[0] == 1
    db.session.execute(text("UPDATE users SET zone = 'Europe/Paris'"))
    db.session.commit()
    code, said = run(context, "restore", str(copy))
    assert (code, "not empty" in said) == (1, True), said
    assert set(db.session.scalars(select(User.zone))) == {"Europe/Paris"}
    db.session.rollback()
    code, said = run(context, "restore", str(copy), "--force")
    assert code == 0, said
    assert set(db.session.scalars(select(User.zone))) == {"UTC"}
    assert list(verify())[-1].difference is None


def test_nothing_is_restored_while_somebody_is_at_work(copy: Path, context: Flask, elsewhere: Flask) -> None:
    url = context.extensions["settings"].database_url
    worker: Any = (
        sqlite3.connect(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite")
        else psycopg.connect(url.replace("+psycopg", ""))
    )
    worker.execute("SELECT count(*) FROM users").fetchall()
    try:
        code, said = run(context, "restore", str(copy), "--force")
    finally:
        worker.close()
    assert (code, "Tidings is running" in said) == (1, True), said
    assert run(context, "restore", str(copy), "--force")[0] == 0


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection")
def test_a_backup_of_the_revision_before_is_restored_and_migrated(
    told: worlds.World, context: Flask, elsewhere: Flask, tmp_path: Path
) -> None:
    place = tmp_path / "old.tidings"
    db.session.remove()
    downgrade(revision="-1")
    assert run(context, "backup", str(place))[0] == 0
    code, said = run(elsewhere, "restore", str(place))
    assert code == 0, said
    with elsewhere.app_context():
        assert mismatch() is None
        assert missing_guards(db.session.connection()) == set()
        assert list(verify())[-1].difference is None
        assert db.session.scalar(select(func.count()).select_from(Restore)) == 1
        db.session.remove()
