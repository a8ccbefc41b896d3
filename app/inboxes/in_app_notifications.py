"""Tells people in the product: a notification per watcher who may see the issue and is not the actor."""

from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import literal, update
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.user import User
from app.db import BigId, UtcDateTime, db
from app.events.action import Action, Family, Subject
from app.inboxes.base import Decision, Inbox, Signal
from app.inboxes.recipients import count_recipients, recipients_query
from app.notifications.notification import Notification

PART = 500
"""Receivers whose numbers rise in one statement."""


class InAppNotifications(Inbox):
    """Writes notifications, and raises each receiver's number so that open pages learn of them.

    The rows go from table to table within the database: ten thousand watchers cost the worker no memory.
    """

    name: ClassVar[str] = "in_app_notifications"
    title: ClassVar[str] = "In-app notifications"
    description: ClassVar[str] = "Tells people in their inbox about issues they watch, with the reason."
    icon: ClassVar[str] = "inbox"
    tells_people: ClassVar[bool] = True

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:
        return subject == Subject.issue and action.shown and action.family is not Family.rules

    def should_process(self) -> Decision:
        if self.event.quiet:
            return Decision(False, "done quietly")
        people = count_recipients(self.happening)
        if not people:
            return Decision(False, "nobody else is watching")
        return Decision(True, f"told {people} {'person' if people == 1 else 'people'}")

    def handle(self) -> Sequence[Signal]:
        told = sorted(self._notify())
        signals: list[Signal] = []
        for start in range(0, len(told), PART):
            heads = db.session.execute(
                update(User)
                .where(User.id.in_(told[start : start + PART]))
                .values(feed_seq=User.feed_seq + 1)
                .returning(User.id, User.feed_seq)
                .execution_options(synchronize_session=False)
            )
            signals += [Signal(f"user:{user_id}", seq) for user_id, seq in heads]
        return signals

    def _notify(self) -> Sequence[int]:
        """The ids of those who have not been told of this event before and are now."""
        issue = self.happening.issue
        assert issue is not None
        people = recipients_query(
            self.happening,
            User.id,
            literal(self.event.id, BigId),
            literal(issue.id, BigId),
            literal(issue.project_id, BigId),
            literal(self.event.created_at, UtcDateTime),
        )
        assert people is not None
        columns = ["user_id", "event_id", "issue_id", "project_id", "created_at", "reason"]
        dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
        add = dialect.insert(Notification).from_select(columns, people, include_defaults=False)
        return db.session.scalars(add.on_conflict_do_nothing().returning(Notification.user_id)).all()
