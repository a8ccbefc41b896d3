"""Lists cost the same number of queries for one row and for fifty."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

from sqlalchemy import event, select

from app.accounts.user import User
from app.accounts.viewer import viewer_of
from app.db import db
from app.issues.comment import add_comment
from app.issues.label import create_label
from app.issues.milestone import create_milestone
from app.projects.membership import add_member
from app.projects.queries import visible_projects
from tests.api.conftest import Place
from tests.support import world as worlds

LISTS = {
    "/people": 2,
    "/projects": 2,
    "/projects/ORC/labels": 3,
    "/projects/ORC/members": 3,
    "/projects/ORC/milestones": 4,
    "/projects/ORC/issues": 6,
    "/issues/ORC-1/comments": 3,
    "/issues/ORC-1/events": 4,
    "/events": 3,
    "/deliveries": 5,
    "/inboxes": 2,
}
"""Path -> queries, that of the token included; asked by an administrator."""


@contextmanager
def counted(place: Place) -> Iterator[list[str]]:
    """The statements that run inside."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            found.append(statement)

    with place.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_list_of_fifty_costs_as_many_queries_as_a_list_of_one(place: Place) -> None:
    place.write(lambda: _fill(place, 55))
    place.admin.get("/projects?limit=1")  # which history the cursors belong to is asked once per process
    for path, limit in product(LISTS, (1, 50)):
        with counted(place) as statements:
            answer = place.admin.get(f"{path}?limit={limit}")
        assert answer.status_code == 200
        if path != "/inboxes":
            assert len(answer.json["items"]) == limit
            assert answer.json["next_cursor"] is not None
        assert len(statements) <= LISTS[path], (path, statements)


def test_every_list_goes_on_where_it_stopped(place: Place) -> None:
    place.write(lambda: _fill(place, 12))
    for path in LISTS:
        whole = place.admin.get(f"{path}?limit=100").json
        parts, cursor = [], None
        while True:
            page = place.admin.get(f"{path}?limit=5" + (f"&cursor={cursor}" if cursor else "")).json
            parts += page["items"]
            cursor = page["next_cursor"]
            if cursor is None or not page["items"]:
                break
        assert parts[: len(whole["items"])] == whole["items"]
        if path != "/events":
            assert whole["next_cursor"] is None or len(parts) > 100


def _fill(place: Place, rows: int) -> None:
    lead = db.session.scalar(select(User).where(User.username == place.usernames["lead"]))
    assert lead is not None
    projects = {project.key: project for project in visible_projects(viewer_of(lead))}
    orc = projects["ORC"]
    issue = worlds.issue(orc, lead)
    first = db.session.scalar(select(type(issue)).where(type(issue).project_id == orc.id))
    assert first is not None
    for n in range(rows):
        person = worlds.person(f"P{n}")
        add_member(orc, person, role="member", actor=lead.actor)
        label = create_label(orc, name=f"label {n}", color="sky", actor=lead.actor)
        milestone = create_milestone(orc, name=f"Milestone {n}", actor=lead.actor)
        worlds.issue(
            orc,
            lead,
            title=f"Issue {n}",
            labels=(label,),
            assignees=(person,),
            milestone=milestone,
            parent=first,
        )
        add_comment(first, worlds.said(f"Number {n}"), author=lead, actor=lead.actor)
        worlds.project(lead, key=f"P{n}Q", name=f"Project {n}")
