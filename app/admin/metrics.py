"""Figures in the text format of Prometheus. Nothing here counts a whole table."""

from collections.abc import Iterable, Mapping

from sqlalchemy import func, select

from app import broker
from app.admin.checks import all_checks, due_lines
from app.admin.figures import dead_by_inbox
from app.admin.workers import queues, workers
from app.db import db
from app.events.event import Event
from app.inboxes.registry import INBOXES
from app.inboxes.setting import switched_off

Sample = tuple[Mapping[str, str], float]


def exposition() -> str:
    """Every figure, with its help and its type."""
    due, dead, off = due_lines(), dead_by_inbox(), switched_off()
    lines: list[str] = []
    lines += _metric("tidings_events_total", "counter", "Events recorded.", [({}, _newest_event())])
    lines += _metric(
        "tidings_deliveries_due", "gauge", "Due deliveries.", [({"queue": one.queue}, one.due) for one in due]
    )
    lines += _metric(
        "tidings_deliveries_oldest_due_seconds",
        "gauge",
        "How long the oldest due delivery has waited.",
        [({"queue": one.queue}, one.oldest or 0) for one in due],
    )
    lines += _metric(
        "tidings_deliveries_dead",
        "gauge",
        "Deliveries that failed for good.",
        [({"inbox": one.name}, dead.get(one.name, 0)) for one in INBOXES],
    )
    lines += _metric(
        "tidings_inbox_enabled",
        "gauge",
        "Whether the inbox is on.",
        [({"inbox": one.name}, float(one.name not in off)) for one in INBOXES],
    )
    lines += _metric(
        "tidings_check_fine",
        "gauge",
        "The checks of flask doctor.",
        [({"check": one.name.lower().replace(" ", "_")}, float(one.fine)) for one in all_checks()],
    )
    return "\n".join([*lines, *_of_redis()]) + "\n"


def _of_redis() -> list[str]:
    alive = [one for one in workers() or () if one.is_alive]
    here = broker.broker()
    lines = _metric("tidings_workers", "gauge", "Workers that show life.", [({}, len(alive))])
    lines += _metric(
        "tidings_redis_failures_total",
        "counter",
        "Calls to Redis that failed in this process.",
        [({}, here.failures)],
    )
    found = queues() or ()
    lines += _metric(
        "tidings_jobs_waiting",
        "gauge",
        "Jobs in RQ's queues.",
        [({"queue": one.name}, one.waiting) for one in found],
    )
    return lines + _metric(
        "tidings_jobs_failed", "gauge", "Failed jobs.", [({"queue": one.name}, one.failed) for one in found]
    )


def _newest_event() -> int:
    """The number of the newest event: ids are given once, so it grows like a counter."""
    return db.session.scalar(select(func.max(Event.id))) or 0


def _metric(name: str, kind: str, words: str, samples: Iterable[Sample]) -> list[str]:
    lines = [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        marks = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{marks}}} {_number(value)}" if marks else f"{name} {_number(value)}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:.3f}"
