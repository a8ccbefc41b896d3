"""Tells open pages of a person's activity and of a project that there is something new.

The issue's own page is told at the commit itself; its number is the issue's. A person's and a project's number rise
here, in the worker, so that no request waits for another writer of the same project.
"""

from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import update

from app.accounts.user import User
from app.db import db
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

    def should_process(self) -> Decision:
        return Decision(True, "open pages were told")

    def handle(self) -> Sequence[Signal]:
        signals = []
        event = self.event
        if event.project_id is not None:
            head = db.session.scalar(
                update(Project)
                .where(Project.id == event.project_id)
                .values(activity_seq=Project.activity_seq + 1)
                .returning(Project.activity_seq)
                .execution_options(synchronize_session=False)
            )
            signals.append(Signal(f"project:{event.project_id}", head or 0))
        if event.actor_id is not None:
            head = db.session.scalar(
                update(User)
                .where(User.id == event.actor_id)
                .values(activity_seq=User.activity_seq + 1)
                .returning(User.activity_seq)
                .execution_options(synchronize_session=False)
            )
            signals.append(Signal(f"person:{event.actor_id}", head or 0))
        return signals
