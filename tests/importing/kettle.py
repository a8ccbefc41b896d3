"""Bringing a small archive in, and looking at what became of it."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.db import db
from app.events.event import Event
from app.importing.github_archive import Order, Report, import_github_archive
from app.issues.issue import Issue
from app.projects.project import Project

SAMPLE = Path(__file__).parent.parent / "data" / "kettle.archive.json"
TABLES = ("events", "event_texts", "deliveries", "issues", "comments", "labels", "users", "projects")
Change = Callable[[dict[str, Any]], object]


def bring(file: Path = SAMPLE, key: str = "KET", **said: Any) -> Report:
    return import_github_archive(Order(file, key, **said), watch=lambda what, *_: nullcontext(what))


def changed(folder: Path, change: Change) -> Path:
    """The sample with something else in it."""
    document = json.loads(SAMPLE.read_text())
    change(document)
    path = folder / "changed.json"
    path.write_text(json.dumps(document))
    return path


def counts() -> dict[str, int]:
    metadata = db.metadata.tables
    queries = {name: select(func.count()).select_from(metadata[name]) for name in TABLES}
    found = {name: db.session.scalar(query) or 0 for name, query in queries.items()}
    db.session.rollback()
    return found


def issue_of(number: int, key: str = "KET") -> Issue:
    query = select(Issue).join(Project).where(Project.key == key, Issue.number == number)
    return db.session.scalars(query).one()


def history(number: int) -> list[Event]:
    query = select(Event).where(Event.issue_id == issue_of(number).id).order_by(Event.seq)
    return list(db.session.scalars(query))
