"""Admin > Event log: filters, pages that neither skip nor repeat, and exports that hold still in memory."""

import csv
import io
import json

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.admin import event_search
from app.admin.event_search import Filter, search
from app.admin.events import cell
from app.context import caused_by
from app.db import db
from app.events.event import Actor, Event
from app.inboxes.runner import consequence_of
from app.issues.editing import retitle
from app.issues.visit import note_visit
from app.issues.workflow import change_status
from tests.support import world as worlds
from tests.support.web import Browser, browser_of, words


@pytest.fixture
def admin(app: Flask, world: worlds.World) -> Browser:
    root = worlds.person("Root", admin=True)
    change_status(world.issue, "start", actor=world.actor)
    cause = db.session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert cause is not None
    with caused_by(**consequence_of(cause)):
        retitle(world.issue, "=HYPERLINK()", actor=Actor("rule", ref="1"))
    note_visit(world.issue, world.member, seen_seq=1)
    db.session.commit()
    return browser_of(app, root)


def test_each_filter_narrows_the_log(admin: Browser, world: worlds.World) -> None:
    assert "looked at" in words(admin.get("/admin/events"))
    for query, found in (
        ("action=title_changed", {"title_changed"}),
        ("family=status", {"status_changed"}),
        ("kind=rule", {"title_changed"}),
        (f"actor={world.member.username}", {"viewed"}),
        ("causes=1", {"status_changed"}),
        ("project=orc&family=attention", {"viewed"}),
        ("until=2000-01-01T00:00", set()),
        ("since=2999-01-01T00:00", set()),
    ):
        lines = admin.get(f"/admin/events/export.jsonl?{query}", buffered=True).text.splitlines()
        assert {json.loads(line)["action"] for line in lines} == found, query
        page = admin.get(f"/admin/events?{query}")
        assert page.status_code == 200
        assert ("No such event" in page.text) is not bool(found), query
    for query in ("actor=nobody-like-that", "project=GONE", "since=x"):
        assert admin.get(f"/admin/events?{query}").status_code == 422
        assert admin.get(f"/admin/events/export.csv?{query}", buffered=True).status_code == 422
    assert admin.get("/admin/events?action=x&family=y&kind=z").status_code == 200
    assert admin.get("/admin/events?cursor=x").status_code == 422


def test_pages_neither_skip_nor_repeat(admin: Browser, world: worlds.World) -> None:
    everything = list(db.session.scalars(select(Event.id).order_by(Event.created_at.desc(), Event.id.desc())))
    for scan in (3, 1_000):
        seen: list[int] = []
        place = None
        while True:
            page = search(Filter(), before=place, limit=4, scan=scan)
            seen += page.ids
            place = page.next
            if place is None:
                break
        assert seen == everything


def test_an_export_has_every_event_once_and_no_formulas(
    admin: Browser, world: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_search, "AT_ONCE", 3)
    number = db.session.scalar(select(func.count()).select_from(Event))
    answer = admin.get("/admin/events/export.csv", buffered=True)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(table) == len({row["uid"] for row in table}) == number
    lines = [
        json.loads(line) for line in admin.get("/admin/events/export.jsonl", buffered=True).text.splitlines()
    ]
    assert [line["uid"] for line in lines] == [row["uid"] for row in table]
    assert any(line["metadata"].get("to") == "=HYPERLINK()" for line in lines)
    for dangerous in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"):
        assert cell(dangerous) == f"'{dangerous}"
    assert (cell("plain"), cell(None), cell(3)) == ("plain", "", "3")


def test_for_others_it_does_not_exist(app: Flask, world: worlds.World) -> None:
    for path in ("/admin/events", "/admin/events/export.csv", "/admin/events/export.jsonl"):
        assert browser_of(app, world.lead).get(path).status_code == 404
