"""The app with one small job, for `flask rq worker`: our worker, or with BENCH_WORKER=shipped Flask-RQ's own."""

import os
import time
from pathlib import Path

from flask import Flask
from flask_rq import RQ
from sqlalchemy import text

from app import create_app
from app.config import from_environment
from app.db import db


def with_rq_as_shipped() -> Flask:
    """The least that has the same database and queue. It starts sooner than the product: so much the fairer."""
    settings = from_environment()
    made = Flask("shipped")
    made.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        RQ_CONNECTION=settings.redis_url,
        RQ_QUEUES=["events"],
    )
    db.init_app(made)
    RQ(made)
    return made


if os.environ.get("BENCH_WORKER") in ("shipped", "celery"):
    app = with_rq_as_shipped()
else:
    app = create_app(from_environment())


def small(path: str) -> None:
    """What a job at least does: ask the database something, leave a trace."""
    db.session.execute(text("SELECT count(*) FROM inbox_settings"))
    with Path(path).open("a") as file:
        file.write(f"{time.monotonic()}\n")


def deliver_one(event_id: int, path: str) -> None:
    """One job for one event: every inbox that writes in our database, each in a transaction of its own."""
    from sqlalchemy import update

    from app.db import begin_write
    from app.inboxes.delivery import Delivery
    from app.inboxes.happenings import load_happenings
    from app.inboxes.registry import INBOXES

    for kind in INBOXES:
        if kind.outside:
            continue
        begin_write()
        mine = (Delivery.event_id == event_id, Delivery.inbox == kind.name)
        inbox = kind(load_happenings([event_id])[event_id])
        if inbox.decide().process:
            inbox.handle()
            kind.together([inbox])
        done = update(Delivery).where(*mine).values(state="delivered", next_attempt_at=None)
        db.session.execute(done.execution_options(synchronize_session=False))
        db.session.commit()
    with Path(path).open("a") as file:
        file.write(f"{time.monotonic()}\n")
