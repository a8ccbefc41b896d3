"""Replays as they are shown: who asked, for which project, how far they have come."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from app.accounts.user import User
from app.db import db
from app.errors import NotFound
from app.inboxes.replay import Replay
from app.projects.project import Project


@dataclass(frozen=True, slots=True)
class Shown:
    """A replay with who asked for it and the key of its project, if it is of one."""

    replay: Replay
    by: User
    project: str | None


def recent(limit: int = 10, *, inbox: str | None = None, before: int | None = None) -> list[Shown]:
    """The newest replays, of all inboxes or of one; `before` goes on behind the replay with this id."""
    query = _shown().order_by(Replay.id.desc()).limit(limit)
    if inbox is not None:
        query = query.where(Replay.inbox == inbox)
    if before is not None:
        query = query.where(Replay.id < before)
    return _read(query)


def replay_of(inbox: str, replay_id: int) -> Shown:
    """One replay. Raises NotFound when this inbox has none with this id."""
    found = _read(_shown().where(Replay.id == replay_id, Replay.inbox == inbox))
    if not found:
        raise NotFound
    return found[0]


def _shown() -> Select[*tuple[Any, ...]]:
    return (
        select(Replay, User, Project.key)
        .join(User, User.id == Replay.requested_by_id)
        .outerjoin(Project, Project.id == Replay.project_id)
        .execution_options(populate_existing=True)
    )


def _read(query: Select[*tuple[Any, ...]]) -> list[Shown]:
    return [Shown(row.Replay, row.User, row.key) for row in db.session.execute(query)]
