"""Tells open pages of a person's activity and of a project that there is something new.

The issue's own page is told at the commit itself; its number is the issue's. A person's and a project's number rise
here, in the worker, so that no request waits for another writer of the same project.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from sqlalchemy import Executable, bindparam, update

from app.accounts.user import User
from app.db import rows
from app.events.action import Action, Subject
from app.inboxes.base import Decision, Inbox, Signal
from app.projects.project import Project


class LiveUpdates(Inbox):
    """Raises the numbers behind `person:ID` and `project:ID`."""

    name: ClassVar[str] = "live_updates"
    title: ClassVar[str] = "Live updates"
    description: ClassVar[str] = "Brings new events to the pages people have open, without a reload."
    icon: ClassVar[str] = "pulse"

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:
        return subject != Subject.user and action.shown

    def minds_deleted(self) -> bool:
        return True

    def should_process(self) -> Decision:
        return Decision(True, "open pages were told")

    def handle(self) -> Sequence[Signal]:
        signals = []
        event = self.event
        if event.project_id is not None:
            [row] = rows(_PROJECT, whose=event.project_id)
            signals.append(Signal(f"project:{event.project_id}", row.activity_seq))
        if event.actor_id is not None:
            [row] = rows(_PERSON, whose=event.actor_id)
            signals.append(Signal(f"person:{event.actor_id}", row.activity_seq))
        return signals


def _rise(table: Any) -> Executable:
    query: Executable = (
        update(table)
        .where(table.c.id == bindparam("whose"))
        .values(activity_seq=table.c.activity_seq + 1)
        .returning(table.c.activity_seq)
    )
    return query


_PROJECT = _rise(Project.__table__)
_PERSON = _rise(User.__table__)
