"""Is everything well? The same questions for `flask doctor`, for Admin > System, for /readyz and for /metrics.

A check answers in one line. It never raises: what breaks while it looks is its answer.
"""

import os
import platform
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from app import broker, clock, periodic
from app.admin.workers import workers
from app.config import ROOT, Settings
from app.db import db
from app.guards import NAMES, missing_guards
from app.inboxes.delivery import Delivery
from app.inboxes.due import open_rows
from app.inboxes.registry import queues as inboxes_of_queues
from app.migrating import mismatch

LATE = timedelta(seconds=60)
"""Work that is due for so long means that no worker does it."""
LEAST_DISK = 512 * 1024 * 1024
MAIL_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is well, and a line about it."""

    name: str
    fine: bool
    words: str


@dataclass(frozen=True, slots=True)
class DueLine:
    """One queue of deliveries: how many are due, and for how long the oldest is."""

    queue: str
    due: int
    oldest: float | None


def all_checks(*, reach_out: bool = False) -> list[Check]:
    """Every check. `reach_out`: also knock at the mail server, which a page does not wait for."""
    asked: list[tuple[str, Callable[[], tuple[bool, str]]]] = [
        ("Settings", _settings_fine),
        ("Database", _database),
        ("Migrations", _migrations),
        ("Guards", _guards),
        ("Redis", _redis),
        ("Workers", _workers),
        ("Queues", _queues),
        ("Periodic work", _periodic),
        ("Mail", lambda: _mail(reach_out)),
        ("Disk", _disk),
    ]
    return [_asked(name, look) for name, look in asked]


def ready() -> list[Check]:
    """What this process needs to answer requests: the database, its migrations, Redis."""
    return [
        _asked(name, look)
        for name, look in (("Database", _database), ("Migrations", _migrations), ("Redis", _redis))
    ]


def due_lines() -> list[DueLine]:
    """Due deliveries by queue. One query by the index of what is open."""
    now = clock.now()
    due = open_rows(Delivery.next_attempt_at <= now)
    query = select(
        due.c.queue, func.count().label("due"), func.min(due.c.next_attempt_at).label("oldest")
    ).group_by(due.c.queue)
    found = {row.queue: row for row in db.session.execute(query)}
    lines = []
    for queue in inboxes_of_queues():
        row = found.get(queue)
        age = (now - row.oldest).total_seconds() if row else None
        lines.append(DueLine(queue, row.due if row else 0, age))
    return lines


def python_version() -> str:
    """The Python that runs this."""
    return platform.python_version()


def megabytes(size: float) -> str:
    """12 MB, 3.4 GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _asked(name: str, look: Callable[[], tuple[bool, str]]) -> Check:
    try:
        fine, words = look()
    except SQLAlchemyError as error:
        db.session.rollback()
        return Check(name, False, f"the database does not answer: {type(error).__name__}")
    except Exception as error:  # noqa: BLE001 - a check answers whatever happens
        return Check(name, False, f"{type(error).__name__}: {error}")
    return Check(name, fine, words)


def _settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found


def _settings_fine() -> tuple[bool, str]:
    settings = _settings()
    host = urlsplit(settings.base_url).hostname or ""
    local = host in ("localhost", "::1") or host.startswith("127.")
    if not local and not settings.is_https:
        return False, f"{settings.base_url} is not https: cookies travel in the open"
    return True, f"pages at {settings.base_url}"


def _database() -> tuple[bool, str]:
    if _settings().is_sqlite:
        version = db.session.scalar(text("SELECT sqlite_version()"))
        pages = db.session.scalar(text("PRAGMA page_count")) or 0
        size = pages * (db.session.scalar(text("PRAGMA page_size")) or 0)
        return True, f"SQLite {version}, {megabytes(size)}"
    version = db.session.scalar(text("SHOW server_version"))
    size = db.session.scalar(text("SELECT pg_database_size(current_database())")) or 0
    return True, f"PostgreSQL {version}, {megabytes(size)}"


def _migrations() -> tuple[bool, str]:
    words = mismatch(db.session.connection())
    heads = ScriptDirectory(str(ROOT / "migrations")).get_heads()
    return words is None, words or f"at {', '.join(heads)}, the newest"


def _guards() -> tuple[bool, str]:
    missing = missing_guards(db.session.connection())
    if missing:
        return False, f"missing: {', '.join(sorted(missing))}; run flask db upgrade"
    return True, f"all {len(NAMES)} in place: history cannot be changed"


def _redis() -> tuple[bool, str]:
    info = broker.call(lambda redis: dict(redis.info()), None)
    if info is None:
        return False, f"away: {broker.broker().last_error or 'it does not answer'}"
    kind = "Valkey" if "valkey_version" in info else "Redis"
    version = info.get("valkey_version") or info.get("redis_version")
    return True, f"{kind} {version}, {megabytes(info.get('used_memory', 0))}"


def _workers() -> tuple[bool, str]:
    found = workers()
    if found is None:
        return False, "not known while Redis is away"
    alive = [one for one in found if one.is_alive]
    watched = {name.strip() for one in alive for name in one.queues.split(",")}
    unwatched = sorted(set(inboxes_of_queues()) - watched)
    if not alive:
        return False, "none is running: start flask rq worker"
    if unwatched:
        return False, f"{len(alive)} running, none of them watches {', '.join(unwatched)}"
    return True, f"{len(alive)} running"


def _queues() -> tuple[bool, str]:
    late = [line for line in due_lines() if line.oldest is not None and line.oldest > LATE.total_seconds()]
    if late:
        words = ", ".join(f"{line.queue} for {line.oldest:.0f} s" for line in late)
        return False, f"work is due and nobody does it: {words}"
    return True, "nothing waits"


def _periodic() -> tuple[bool, str]:
    rows = {row.name: row for row in db.session.scalars(select(periodic.Schedule))}
    failed = [name for name, row in rows.items() if row.last_error and name in periodic.KINDS]
    late = [
        name
        for name, row in rows.items()
        if name in periodic.KINDS and clock.now() - row.next_run_at > max(LATE, periodic.KINDS[name].every)
    ]
    if failed or late:
        return False, f"failed or late: {', '.join(sorted({*failed, *late}))}"
    return True, "none late"


def _mail(reach_out: bool) -> tuple[bool, str]:
    url = _settings().smtp_url
    if url is None:
        return True, "no server is set: mails are kept under Admin > Outgoing mail"
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (465 if parts.scheme == "smtps" else 25)
    if reach_out:
        try:
            socket.create_connection((host, port), timeout=MAIL_SECONDS).close()
        except OSError as error:
            return False, f"{host}:{port} cannot be reached: {error}"
    return True, f"handed to {host}:{port}"


def _disk() -> tuple[bool, str]:
    folder: Path = _settings().instance
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        return False, f"{folder.name} cannot be written to"
    return free >= LEAST_DISK, f"{megabytes(free)} free"
