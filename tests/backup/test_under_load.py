"""Backups made while people write and processes are killed: each comes back whole, and what was due gets everywhere."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.audit.verifying import verify_audit
from app.config import ROOT
from app.db import db, reading_first
from app.events.verifying import verify
from app.events.verifying_checkpoints import verify_checkpoints
from app.guards import missing_guards
from app.issues.subscription import watch
from tests.backup.test_backup import run
from tests.patience import until
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("TIDINGS_CHAOS_KILLS") or 2)


@contextmanager
def busy(app: Flask, what: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Somebody at work, killed at the end whatever happens."""
    settings = app.extensions["settings"]
    known = {"DATABASE_URL": settings.database_url, "TIDINGS_INSTANCE": str(settings.instance)}
    known |= {"REDIS_URL": settings.redis_url, "SECRET_KEY": "tests"}
    command = [sys.executable, "-m", "tests.backup.busy", what]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | known, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"at work\n"
            yield process
        finally:
            process.kill()


def number(query: str) -> int:
    with reading_first():  # a look is not to wait for those who write
        return int(db.session.scalar(text(query)) or 0)


def test_backups_amid_writes_and_kills_are_whole_and_every_delivery_comes_to_its_end(
    world: worlds.World, context: Flask, elsewhere: Flask, tmp_path: Path
) -> None:
    worlds.issue(world.project, world.lead)
    watch(world.issue, world.member, actor=world.actor)
    db.session.commit()
    copies, sizes = [], []
    for one in range(ROUNDS):
        with ExitStack() as stack:
            people = [stack.enter_context(busy(context, "write")) for _ in range(2)]
            worker = stack.enter_context(busy(context, "work"))
            before = number("SELECT count(*) FROM comments")
            until(lambda b=before: number("SELECT count(*) FROM comments") > b + 10, seconds=120)
            os.kill((worker, people[0])[one % 2].pid, signal.SIGKILL)
            copies.append(tmp_path / f"{one}.tidings")
            code, said = run(context, "backup", str(copies[-1]))
            assert code == 0, said
            sizes.append(number("SELECT count(*) FROM events"))
    for place, most in zip(copies, sizes, strict=True):
        code, said = run(elsewhere, "restore", str(place), "--force")
        assert code == 0, said
        with elsewhere.app_context():
            _is_whole(most)
            db.session.remove()


def _is_whole(most: int) -> None:
    """Chains, audit and guards as they should be; and after some work nothing is left to do and nothing done twice."""
    done = list(verify())[-1]
    assert done.difference is None
    assert 20 < done.events <= most
    assert verify_checkpoints().difference is None
    assert verify_audit().wrong is None
    assert missing_guards(db.session.connection()) == set()
    db.session.rollback()
    assert (
        number(
            "SELECT count(*) FROM events e WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id)"
        )
        == 0
    )
    for _ in range(3):
        make_due()
        deliver()
    states = {row[0] for row in db.session.execute(text("SELECT DISTINCT state FROM deliveries"))}
    assert states <= {"delivered", "skipped"}, states
    twice = "SELECT count(*) - count(DISTINCT event_id) FROM notifications"
    assert number(twice) == 0
    commented = (
        "SELECT count(*) FROM events WHERE action = 'commented' AND issue_id = (SELECT min(id) FROM issues)"
    )
    told = (
        "SELECT count(*) FROM notifications n JOIN events e ON e.id = n.event_id WHERE e.action = 'commented'"
    )
    assert number(told) >= number(commented)
    assert list(verify())[-1].difference is None
