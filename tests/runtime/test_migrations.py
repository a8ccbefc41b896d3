"""Migrations while others are at work: they wait their turn, happen once, as a whole or not at all, and say so."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text

from app.accounts.user import User
from app.config import ROOT
from app.db import db
from app.events.verifying import verify
from app.guards import missing_guards
from app.issues.comment import add_comment
from app.issues.issue import Issue
from app.migrating import mismatch
from tests.support import world as worlds
from tests.support.web import Browser, browser_of, words

HEAD = ScriptDirectory(str(ROOT / "migrations")).get_current_head() or ""


def command(app: Flask, *arguments: str) -> "subprocess.Popen[str]":
    """`flask …`, or another module, in a process of its own on this app's database."""
    settings = app.extensions["settings"]
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=os.environ
        | {
            "DATABASE_URL": settings.database_url,
            "TIDINGS_INSTANCE": str(settings.instance),
            "REDIS_URL": settings.redis_url,
            "TIDINGS_DEMO": "0",
            "SECRET_KEY": "tests",
        },
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def flask(app: Flask, *arguments: str) -> "subprocess.Popen[str]":
    return command(app, "flask", "--app", "wsgi", *arguments)


@pytest.fixture
def previous(world: worlds.World, context: Flask) -> Flask:
    """An installation of the revision before the newest, with a history."""
    add_comment(world.issue, worlds.said("Before"), author=world.lead, actor=world.actor)
    db.session.commit()
    downgrade(revision="-1")
    assert "needs" in (mismatch() or "")
    return context


def whole() -> None:
    """Everything of the newest revision is there, and the history verifies."""
    db.session.rollback()
    assert mismatch() is None
    assert missing_guards(db.session.connection()) == set()
    assert list(verify())[-1].difference is None
    db.session.rollback()


@contextmanager
def somebody_writes() -> Iterator[None]:
    """Another connection holds what a migration needs to write."""
    with db.engine.connect() as other:
        other.execute(text("UPDATE alembic_version SET version_num = version_num"))
        yield
        other.rollback()


@pytest.mark.slow
def test_an_upgrade_waits_for_who_writes_says_so_and_keeps_everything(previous: Flask) -> None:
    with somebody_writes():
        waiting = flask(previous, "db", "upgrade")
        assert waiting.stderr is not None
        said = next(line for line in waiting.stderr if "Waiting" in line)
        assert "another process is writing" in said
        assert waiting.poll() is None
    _, rest = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, rest
    whole()


@pytest.mark.slow
def test_two_that_prepare_at_once_migrate_once(previous: Flask) -> None:
    both = [flask(previous, "prepare") for _ in range(2)]
    said = [one.communicate(timeout=120)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    whole()


@pytest.mark.slow
def test_who_writes_during_an_upgrade_loses_nothing(previous: Flask, world: worlds.World) -> None:
    done, written, broken = threading.Event(), [0], []
    lead_id, issue_id, actor = world.lead.id, world.issue.id, world.actor

    def write() -> None:
        with previous.app_context():
            while not done.wait(0.02) or not written[0]:
                try:
                    author, issue = db.session.get_one(User, lead_id), db.session.get_one(Issue, issue_id)
                    add_comment(issue, worlds.said("Meanwhile"), author=author, actor=actor)
                    db.session.commit()
                    written[0] += 1
                except Exception as error:  # noqa: BLE001 - told to the test
                    broken.append(error)
                    break
            db.session.remove()

    before = db.session.scalar(text("SELECT count(*) FROM comments"))
    db.session.rollback()
    writer = threading.Thread(target=write)
    writer.start()
    upgrading = flask(previous, "db", "upgrade")
    _, said = upgrading.communicate(timeout=120)
    done.set()
    writer.join(30)
    assert (upgrading.returncode, broken) == (0, []), (broken, said)
    whole()
    assert db.session.scalar(text("SELECT count(*) FROM comments")) == (before or 0) + written[0]


BROKEN = """
from alembic import op
import sqlalchemy as sa

revision = "broken"
down_revision = "{head}"


def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer(), primary_key=True))
    with op.batch_alter_table("issue_labels", recreate="auto") as batch:
        batch.alter_column("issue_id", new_column_name="other_id")
    {last}


def downgrade():
    pass
"""


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection")
def test_a_migration_that_fails_half_way_leaves_tables_and_guards_as_they_were(
    world: worlds.World, context: Flask, tmp_path: Path
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
    script = folder / "versions" / "broken.py"
    script.write_text(BROKEN.format(head=HEAD, last="op.execute('SELECT nothing FROM nowhere')"))
    with pytest.raises(Exception, match="nowhere"):
        upgrade(directory=str(folder))
    there = inspect(db.engine)
    assert "half" not in there.get_table_names()
    assert "issue_id" in {column["name"] for column in there.get_columns("issue_labels")}
    whole()


@pytest.mark.parametrize(("at", "word"), [("9999", "newer release"), ("", "no tables")])
def test_tables_of_another_release_are_named_in_one_sentence(
    app: Flask, world: worlds.World, at: str, word: str
) -> None:
    change = "UPDATE alembic_version SET version_num = '9999'" if at else "DELETE FROM alembic_version"
    db.session.execute(text(change))
    db.session.commit()
    answer = Browser(app).get("/readyz")
    assert (answer.status_code, word in answer.text) == (503, True), answer.text
    found = app.test_cli_runner().invoke(args=["doctor"])
    assert word in found.output
    if at:
        starting = command(app, "app.serve", "--port", "0")
        out, said = starting.communicate(timeout=60)
        assert (starting.returncode, word in said, "Traceback" in said) == (3, True, False), out + said
        working = flask(app, "rq", "worker")
        out, said = working.communicate(timeout=60)
        assert (working.returncode, word in said, "Traceback" in said) == (1, True, False), out + said
        upgrading = flask(app, "db", "upgrade")
        out, said = upgrading.communicate(timeout=60)
        assert (upgrading.returncode, word in said, "Traceback" in said) == (1, True, False), out + said


def test_a_process_that_outlived_a_migration_says_503_and_not_that_something_broke(
    app: Flask, world: worlds.World
) -> None:
    browser = browser_of(app, world.lead)
    assert browser.get("/issues/ORC-1").status_code == 200
    db.session.execute(text("ALTER TABLE visits RENAME COLUMN seen_seq TO noticed_seq"))
    db.session.commit()
    assert browser.get("/issues/ORC-1").status_code == 500
    db.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    db.session.commit()
    answer = browser.get("/issues/ORC-1")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "2")
    assert "has been updated" in words(answer)
