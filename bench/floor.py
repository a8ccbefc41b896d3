"""The floor: the same kind of pages as one writes them first, with bare Flask, SQLAlchemy's ORM and Jinja.

No sessions, no rights, no side bar, no Markdown, no events: a list of 50 issues, an issue with its entries as plain
text, a feed of 50 entries, and a POST that inserts a row, updates another, commits and redirects. It runs in a process
of its own that imports nothing of the app, on a database of its own with the same settings.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, redirect, render_template, request
from jinja2 import DictLoader
from sqlalchemy import ForeignKey, Index, create_engine, event, insert, select, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    joinedload,
    mapped_column,
    relationship,
    scoped_session,
    sessionmaker,
)
from werkzeug.wrappers import Response

ISSUES = 10_000
ENTRIES = 100_000
LONG = 2
"""The issue with 2,000 entries; issue 1 has 10."""


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "floor_people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Issue(Base):
    __tablename__ = "floor_issues"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    status: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("floor_people.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    author: Mapped[Person] = relationship()
    __table_args__ = (Index("floor_issues_status", "status", "updated_at"),)


class Entry(Base):
    __tablename__ = "floor_entries"
    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("floor_issues.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("floor_people.id"))
    body: Mapped[str]
    created_at: Mapped[datetime]
    author: Mapped[Person] = relationship()
    issue: Mapped[Issue] = relationship()
    __table_args__ = (
        Index("floor_entries_issue", "issue_id", "created_at"),
        Index("floor_entries_author", "author_id", "created_at"),
        Index("floor_entries_created", "created_at"),
    )


TEMPLATES = {
    "base.html": """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{% block title %}{% endblock %}</title>
<link rel="stylesheet" href="/static/style.css"></head>
<body><nav><a href="/">Issues</a> <a href="/feed">Feed</a></nav><main>{% block content %}{% endblock %}</main></body></html>
""",
    "list.html": """{% extends "base.html" %}{% block title %}Issues{% endblock %}
{% block content %}<h1>Issues</h1>
<table>{% for issue in issues %}
<tr><td>{{ issue.status }}</td><td><a href="/issues/{{ issue.id }}">{{ issue.title }}</a></td><td>{{ issue.author.name }}</td>
<td><time datetime="{{ issue.updated_at.isoformat() }}">{{ issue.updated_at.strftime("%d %B, %H:%M") }}</time></td></tr>
{% endfor %}</table>{% endblock %}
""",
    "issue.html": """{% extends "base.html" %}{% block title %}{{ issue.title }}{% endblock %}
{% block content %}<h1>{{ issue.title }}</h1>
<p>{{ issue.status }}, reported by {{ issue.author.name }}</p>
<ol>{% for entry in entries %}
<li id="entry-{{ entry.id }}"><b>{{ entry.author.name }}</b>
<time datetime="{{ entry.created_at.isoformat() }}">{{ entry.created_at.strftime("%d %B, %H:%M") }}</time><p>{{ entry.body }}</p></li>
{% endfor %}</ol>{% endblock %}
""",
    "feed.html": """{% extends "base.html" %}{% block title %}Feed{% endblock %}
{% block content %}<h1>Feed</h1>
<ol>{% for entry in entries %}
<li id="entry-{{ entry.id }}"><b>{{ entry.author.name }}</b> on <a href="/issues/{{ entry.issue_id }}">{{ entry.issue.title }}</a>
<time datetime="{{ entry.created_at.isoformat() }}">{{ entry.created_at.strftime("%d %B, %H:%M") }}</time><p>{{ entry.body }}</p></li>
{% endfor %}</ol>{% endblock %}
""",
}


def create_floor(database_url: str) -> Flask:
    """The bare application on this database."""
    app = Flask("floor", static_folder=None)
    app.jinja_loader = DictLoader(TEMPLATES)
    engine = create_engine(database_url)
    _set_up(engine)
    session = scoped_session(sessionmaker(engine))
    app.teardown_appcontext(lambda _error: session.remove())

    @app.get("/")
    def issues() -> str:
        query = select(Issue).options(joinedload(Issue.author)).where(Issue.status == "open")
        rows = session.scalars(query.order_by(Issue.updated_at.desc()).limit(50)).all()
        return render_template("list.html", issues=rows)

    @app.get("/issues/<int:issue_id>")
    def issue(issue_id: int) -> str:
        found = session.get_one(Issue, issue_id, options=[joinedload(Issue.author)])
        query = select(Entry).options(joinedload(Entry.author)).where(Entry.issue_id == issue_id)
        last = session.scalars(query.order_by(Entry.created_at.desc()).limit(50)).all()
        return render_template("issue.html", issue=found, entries=last[::-1])

    @app.get("/feed")
    def feed() -> str:
        query = select(Entry).options(joinedload(Entry.author), joinedload(Entry.issue))
        if "author" in request.args:
            query = query.where(Entry.author_id == int(request.args["author"]))
        rows = session.scalars(query.order_by(Entry.created_at.desc()).limit(50)).all()
        return render_template("feed.html", entries=rows)

    @app.post("/issues/<int:issue_id>")
    def comment(issue_id: int) -> Response:
        now = datetime.now(UTC).replace(tzinfo=None)  # noqa: DTZ005, TID251 - the floor has no clock of its own
        session.add(Entry(issue_id=issue_id, author_id=1, body=request.form["body"], created_at=now))
        session.get_one(Issue, issue_id).updated_at = now
        session.commit()
        return redirect(f"/issues/{issue_id}", 303)

    return app


def fill(database_url: str) -> None:
    """Fill an empty database with as many rows as ours has."""
    engine = create_engine(database_url)
    _set_up(engine)
    Base.metadata.create_all(engine)
    begin = datetime(2026, 1, 1)  # noqa: DTZ001 - the floor keeps naive times, as one does first
    with Session(engine) as session:
        session.execute(insert(Person), [{"id": n + 1, "name": f"Person Number {n}"} for n in range(30)])
        session.execute(insert(Issue), list(_issues(begin)))
        session.execute(insert(Entry), list(_entries(begin)))
        if (
            engine.dialect.name == "postgresql"
        ):  # the rows brought their ids: what is written next comes behind them
            behind = (
                "SELECT setval(pg_get_serial_sequence('floor_entries', 'id'), max(id)) FROM floor_entries"
            )
            session.execute(text(behind))
        session.commit()
    engine.dispose()


def is_filled(database_url: str) -> bool:
    """Whether `fill` has been here."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        try:
            return bool(connection.execute(text("SELECT count(*) FROM floor_entries")).scalar())
        except Exception:  # noqa: BLE001 - no such table, in the words of either database
            return False


def database_beside(database_url: str) -> str:
    """SQLite: a file of the floor's own; else the same database, in tables of its own."""
    url: URL = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        return database_url
    return f"sqlite:///{Path(str(url.database)).with_name('floor.db')}"


def _set_up(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, _record: object) -> None:
        if engine.dialect.name == "sqlite":
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA cache_size=-16000")


def _issues(begin: datetime) -> Iterator[dict[str, Any]]:
    statuses = ("open", "open", "in_progress", "resolved", "closed")
    for n in range(1, ISSUES + 1):
        at = begin + timedelta(minutes=30 * n)
        title = f"Checkout number {n} fails when the basket holds more than {n % 90} pears"
        yield {
            "id": n,
            "title": title,
            "status": statuses[n % 5],
            "author_id": n % 30 + 1,
            "created_at": at,
            "updated_at": at,
        }


def _entries(begin: datetime) -> Iterator[dict[str, Any]]:
    long = 2_000
    for n in range(1, ENTRIES + 1):
        if n <= long:
            issue_id = LONG
        else:
            issue_id = 1 if n <= long + 10 else 3 + n % (ISSUES - 3)
        yield {
            "id": n,
            "issue_id": issue_id,
            "author_id": n % 30 + 1,
            "body": f"Entry {n}. "
            + "The basket keeps its pears but forgets the plums, and nobody knows why. " * 3,
            "created_at": begin + timedelta(minutes=2 * n),
        }
