"""Loading events with their surroundings, for a whole batch at once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, bindparam, select

from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.events.queries import with_actions
from app.inboxes.base import Happening
from app.issues.issue import Issue
from app.projects.project import Project


def load_happenings(event_ids: Sequence[int]) -> dict[int, Happening]:
    """The events with their actions, issues, projects and actors: a fixed number of queries for any number."""
    ids = sorted(set(event_ids))
    events = db.session.scalars(_EVENTS, {"ids": ids}).all()
    actions = with_actions(events)
    issues = _by_id(_ISSUES, {event.issue_id for event in events})
    projects = _by_id(_PROJECTS, {event.project_id for event in events})
    people = _by_id(_PEOPLE, {event.actor_id for event in events})
    return {
        event.id: Happening(
            event=event,
            action=actions[event.id],
            project=projects.get(event.project_id),
            issue=issues.get(event.issue_id),
            actor=people.get(event.actor_id),
        )
        for event in events
    }


def _by_id(query: Select[Any], ids: set[int | None]) -> dict[int | None, Any]:
    wanted = [one for one in ids if one is not None]
    return {row.id: row for row in db.session.scalars(query, {"ids": wanted})} if wanted else {}


def _fresh(table: type[Any]) -> Select[Any]:
    query = select(table).where(table.id.in_(bindparam("ids", expanding=True)))
    return query.execution_options(populate_existing=True)


_EVENTS = select(Event).where(Event.id.in_(bindparam("ids", expanding=True))).order_by(Event.id)
_ISSUES, _PROJECTS, _PEOPLE = _fresh(Issue), _fresh(Project), _fresh(User)
