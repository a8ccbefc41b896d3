"""Admin > System: how the installation is; and the same for programs, as /readyz and /metrics."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request
from sqlalchemy import select

from app import periodic
from app.accounts.current import signed_in, viewer
from app.accounts.token import find_token
from app.accounts.viewer import viewer_of_token
from app.admin.checks import Check, all_checks, due_lines, megabytes, python_version, ready
from app.admin.metrics import exposition
from app.admin.ticks import TICK, tick
from app.admin.workers import queues, workers
from app.db import db
from app.errors import NotFound
from app.feeds.receipts import duration
from app.projects.policy import require_admin
from app.web.render import render

blueprint = Blueprint("admin_system", __name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """One kind of periodic work."""

    name: str
    every: float
    last: datetime | None
    next: datetime | None
    error: str | None


@blueprint.get("/admin/system")
@signed_in
def show() -> Response:
    """Version, database, Redis, workers, queues, periodic work, mail, disk."""
    require_admin(viewer())
    return render(
        "admin/system.html",
        fragment="numbers",
        topics=[f"tick:{TICK}"],
        tick=tick(),
        every=TICK,
        checks=all_checks(),
        python=python_version(),
        workers=workers(),
        queues={one.name: one for one in queues() or ()},
        due=due_lines(),
        turns=_turns(),
        duration=duration,
        megabytes=megabytes,
    )


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 when this process can do its work, else 503 and what is wrong, one line each."""
    checks = ready()
    lines = [f"{'ok' if one.fine else 'wrong'} {one.name.lower()}{_told(one)}" for one in checks]
    fine = all(one.fine for one in checks)
    return _plain("\n".join(lines) + "\n", 200 if fine else 503)


def _told(one: Check) -> str:
    """What everybody may know about a failure: that the tables are those of another release."""
    return f": {one.words}" if one.name == "Migrations" and not one.fine else ""


@blueprint.get("/metrics")
def metrics() -> Response:
    """Figures for Prometheus: to a program on this machine, or to an administrator."""
    if not (_on_this_machine() or viewer().is_admin or _has_a_token()):
        raise NotFound
    return _plain(exposition(), 200, "text/plain; version=0.0.4")


def _on_this_machine() -> bool:
    """Whether the asker is here, and no proxy asks for somebody else."""
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-Ip")):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _has_a_token() -> bool:
    """Whether the asker shows an administrator's API token of the scope `admin`."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    found = find_token(secret.strip()) if kind.lower() == "bearer" and secret.isascii() else None
    return found is not None and viewer_of_token(*found).is_admin


def _turns() -> list[Turn]:
    rows = {row.name: row for row in db.session.scalars(select(periodic.Schedule))}
    return [
        Turn(
            name=name,
            every=kind.every.total_seconds(),
            last=rows[name].last_run_at if name in rows else None,
            next=rows[name].next_run_at if name in rows else None,
            error=rows[name].last_error if name in rows else None,
        )
        for name, kind in sorted(periodic.KINDS.items())
    ]


def _plain(words: str, status: int, kind: str = "text/plain") -> Response:
    answer = Response(words, status, content_type=f"{kind}; charset=utf-8")
    answer.headers["Cache-Control"] = "no-store"
    return answer
