"""Tells open pages of a person's activity and of a project that there is something new.

The issue's own page is told at the commit itself; its number is the issue's. A person's and a project's number rise
here, in the worker, so that no request waits for another writer of the same project.
"""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from app.accounts.user import User
from app.events.action import Action, Subject
from app.inboxes.base import Decision, Inbox, Signal
from app.inboxes.rising import rise, rising
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

    @classmethod
    def together(cls, done: Sequence[Inbox]) -> Sequence[Signal]:
        projects = Counter(one.event.project_id for one in done if one.event.project_id is not None)
        people = Counter(one.event.actor_id for one in done if one.event.actor_id is not None)
        return [
            *(Signal(f"project:{row.id}", row.activity_seq) for row in rise(_PROJECT, projects)),
            *(Signal(f"person:{row.id}", row.activity_seq) for row in rise(_PERSON, people)),
        ]


_PROJECT = rising(Project.__table__, Project.__table__.c.activity_seq)
_PERSON = rising(User.__table__, User.__table__.c.activity_seq)
