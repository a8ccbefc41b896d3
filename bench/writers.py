"""Commits a second of several processes that write on SQLite at once."""

import multiprocessing
import time
from typing import Any

from app import create_app
from app.config import from_environment
from bench.events import one_event
from bench.place import Place, place_for, valkey
from bench.report import Line

WRITE_SECONDS = 5.0


def measure_writers() -> list[Line]:
    """Commits a second of four processes that write on SQLite at once, beside one."""
    with place_for("sqlite") as place, valkey(place):
        one = _write_together(place, 1)
        four = _write_together(place, 4)
    errors = one[1] + four[1]
    detail = f"{four[0]:.0f} / {one[0]:.0f} commits a second, {errors} errors"
    ratio = 0.0 if errors else four[0] / one[0]
    return [Line("four writing processes / one", ratio, 0.8, detail, at_least=True)]


def _write_together(place: Place, count: int) -> tuple[float, int]:
    fresh = multiprocessing.get_context("spawn")
    start = fresh.Barrier(count)
    results = fresh.Queue()
    writers = [
        fresh.Process(target=_write, args=(place.environment, number, start, results))
        for number in range(count)
    ]
    for writer in writers:
        writer.start()
    found = [results.get(timeout=120) for _ in writers]
    for writer in writers:
        writer.join()
    return sum(commits for commits, _ in found) / WRITE_SECONDS, sum(errors for _, errors in found)


def _write(environment: dict[str, str], number: int, start: Any, results: Any) -> None:
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    from app.db import db
    from app.issues.issue import Issue

    app = create_app(from_environment(environment))
    commits = errors = 0
    with app.app_context():
        start.wait()
        end = time.monotonic() + WRITE_SECONDS
        while time.monotonic() < end:
            try:
                issue = db.session.scalars(select(Issue).execution_options(populate_existing=True)).first()
                one_event(issue, number * 1_000_000 + commits)
                db.session.commit()
                commits += 1
            except SQLAlchemyError:
                db.session.rollback()
                errors += 1
        db.session.remove()
    results.put((commits, errors))
