"""Tells people in the product: a notification per watcher who may see the issue and is not the actor."""

from collections.abc import Sequence
from functools import cache
from typing import ClassVar

from sqlalchemy import Executable, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.user import User
from app.db import BigId, UtcDateTime, db, rows, run
from app.events.action import Action, Family, Subject
from app.events.issue_actions import Deleted
from app.inboxes.base import Decision, Inbox, Signal
from app.inboxes.recipients import Kind, asked_for, count_recipients, named, watchers_told
from app.issues.subscription import Subscription
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
        return (
            subject == Subject.issue
            and action.shown
            and action.family is not Family.rules
            and action is not Deleted
        )

    def minds_deleted(self) -> bool:
        """What is written for a deleted issue is not shown, and there when the issue is brought back."""
        return True

    def should_process(self) -> Decision:
        if self.event.quiet:
            return Decision(False, "done quietly")
        people = count_recipients(self.happening)
        if not people:
            return Decision(False, "nobody else is watching")
        return Decision(True, f"told {people} {'person' if people == 1 else 'people'}")

    def handle(self) -> Sequence[Signal]:
        told = sorted(self._notify())
        self._give_reasons(told)
        signals: list[Signal] = []
        for start in range(0, len(told), PART):
            heads = rows(_RISE, told=told[start : start + PART])
            signals += [Signal(f"user:{row.id}", row.feed_seq) for row in heads]
        return signals

    def _notify(self) -> Sequence[int]:
        """The ids of those who have not been told of this event before and are now."""
        issue = self.happening.issue
        assert issue is not None
        kind, values = asked_for(self.happening)
        assert kind is not None
        statement = _tell(kind, db.session.get_bind().dialect.name)
        found = rows(
            statement,
            **values,
            new_event=self.event.id,
            new_project=issue.project_id,
            new_moment=self.event.created_at,
        )
        return [row.user_id for row in found]

    def _give_reasons(self, told: Sequence[int]) -> None:
        """Those whom the event names get that reason in place of their subscription's."""
        reasons = {user: reason for user, reason in named(self.happening).items() if user in set(told)}
        for user_id, reason in reasons.items():
            run(_REASON, {"its_event": self.event.id, "whose": user_id, "new_reason": reason})


_RISE = (
    update(User.__table__)  # type: ignore[arg-type]
    .where(User.id.in_(bindparam("told", expanding=True)))
    .values(feed_seq=User.feed_seq + 1)
    .returning(User.id, User.feed_seq)
)
_REASON = (
    update(Notification.__table__)  # type: ignore[arg-type]
    .where(Notification.event_id == bindparam("its_event"), Notification.user_id == bindparam("whose"))
    .values(reason=bindparam("new_reason"))
)


@cache
def _tell(kind: Kind, dialect: str) -> Executable:
    """A notification for each watcher who has none of this event, straight from table to table."""
    people = watchers_told(
        kind,
        User.id,
        bindparam("new_event", type_=BigId),
        Subscription.issue_id,
        bindparam("new_project", type_=BigId),
        bindparam("new_moment", type_=UtcDateTime()),
        Subscription.reason,
    )
    columns = ["user_id", "event_id", "issue_id", "project_id", "created_at", "reason"]
    table = Notification.__table__
    insert = (postgresql if dialect == "postgresql" else sqlite).insert
    add = insert(table).from_select(columns, people, include_defaults=False)
    query: Executable = add.on_conflict_do_nothing().returning(table.c.user_id)
    return query
