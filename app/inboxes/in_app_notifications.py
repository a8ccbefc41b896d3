"""Tells people in the product: a notification per watcher who may see the issue and is not the actor."""

from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import insert, select, update

from app.accounts.user import User
from app.db import db
from app.events.action import Action, Family, Subject
from app.inboxes.base import Decision, Inbox, Signal
from app.inboxes.recipients import recipients
from app.notifications.notification import Notification


class InAppNotifications(Inbox):
    """Writes notifications, and raises each receiver's number so that open pages learn of them."""

    name: ClassVar[str] = "in_app_notifications"
    title: ClassVar[str] = "In-app notifications"
    description: ClassVar[str] = "Tells people in their inbox about issues they watch, with the reason."
    icon: ClassVar[str] = "inbox"

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:
        return subject == Subject.issue and action.shown and action.family is not Family.rules

    def should_process(self) -> Decision:
        if self.event.quiet:
            return Decision(False, "done quietly")
        people = recipients(self.happening)
        if not people:
            return Decision(False, "nobody else is watching")
        return Decision(True, f"told {len(people)} {'person' if len(people) == 1 else 'people'}")

    def handle(self) -> Sequence[Signal]:
        issue = self.happening.issue
        assert issue is not None
        people = {one.user.id: one.reason for one in recipients(self.happening)}
        told = set(
            db.session.scalars(select(Notification.user_id).where(Notification.event_id == self.event.id))
        )
        rows = [
            {
                "user_id": user_id,
                "event_id": self.event.id,
                "issue_id": issue.id,
                "project_id": issue.project_id,
                "reason": reason,
                "created_at": self.event.created_at,
            }
            for user_id, reason in people.items()
            if user_id not in told
        ]
        if not rows:
            return ()
        db.session.execute(insert(Notification), rows)
        heads = db.session.execute(
            update(User)
            .where(User.id.in_([row["user_id"] for row in rows]))
            .values(feed_seq=User.feed_seq + 1)
            .returning(User.id, User.feed_seq)
            .execution_options(synchronize_session=False)
        )
        return [Signal(f"user:{user_id}", seq) for user_id, seq in heads]
