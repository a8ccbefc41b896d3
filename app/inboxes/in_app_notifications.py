"""Tells people in the product: a notification per watcher who may see the issue and is not the actor."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import ClassVar

from sqlalchemy import Executable, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from app.accounts.user import User
from app.db import db, rows, run
from app.events.action import Action, Family, Subject
from app.events.actions import ACTIONS
from app.events.event import Event
from app.events.issue_actions import Deleted
from app.inboxes.base import Decision, Happening, Inbox, Signal
from app.inboxes.recipients import count_all, count_recipients, named, nobody, watchers_told
from app.inboxes.rising import rise, rising
from app.issues.subscription import Subscription
from app.notifications.notification import Notification


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

    @classmethod
    def ahead(cls, happenings: Sequence[Happening]) -> None:
        count_all([one for one in happenings if not one.event.quiet], TOLD)

    @property
    def weight(self) -> int:
        return 1 + count_recipients(self.happening, TOLD)

    def should_process(self) -> Decision:
        if self.event.quiet:
            return Decision(False, "done quietly")
        people = count_recipients(self.happening, TOLD)
        if not people:
            return Decision(False, nobody(self.happening))
        return Decision(True, f"told {people} {'person' if people == 1 else 'people'}")

    @classmethod
    def together(cls, done: Sequence[Inbox]) -> Sequence[Signal]:
        new = rows(_tell(db.session.get_bind().dialect.name), events=[inbox.event.id for inbox in done])
        _give_reasons([inbox.happening for inbox in done])
        told = Counter(row.user_id for row in new)
        return [Signal(f"user:{row.id}", row.feed_seq) for row in rise(_RISE, told)]


def _give_reasons(happenings: Sequence[Happening]) -> None:
    """Those whom an event names get that reason in place of their subscription's."""
    reasons = [
        {"its_event": one.event.id, "whose": user_id, "new_reason": reason}
        for one in happenings
        for user_id, reason in named(one).items()
    ]
    if reasons:
        run(_REASON, reasons)


TOLD = frozenset(
    name for (subject, name), action in ACTIONS.items() if InAppNotifications.takes(subject, action)
)
"""The names of the actions people are told about in the product."""

_RISE = rising(User.__table__, User.__table__.c.feed_seq)
_TOLD_OF = aliased(Event)
_TOLD_BEFORE = (
    select(Notification.id)
    .join(_TOLD_OF, _TOLD_OF.id == Notification.event_id)
    .where(Notification.user_id == User.id, _TOLD_OF.batch_id == Event.batch_id)
    .correlate(User, Event)
    .exists()
)
"""Of a bulk act the person has a notification: who mutes an issue in between is not told a second time."""
_REASON = (
    update(Notification.__table__)  # type: ignore[arg-type]
    .where(Notification.event_id == bindparam("its_event"), Notification.user_id == bindparam("whose"))
    .values(reason=bindparam("new_reason"))
)


@cache
def _tell(dialect: str) -> Executable:
    """A notification for each watcher who has none of the event, straight from table to table."""
    values = (User.id, Event.id, Event.issue_id, Event.project_id, Event.created_at, Subscription.reason)
    people = watchers_told(TOLD, *values).where(or_(Event.batch_id.is_(None), ~_TOLD_BEFORE))
    columns = ["user_id", "event_id", "issue_id", "project_id", "created_at", "reason"]
    table = Notification.__table__
    insert = (postgresql if dialect == "postgresql" else sqlite).insert
    add = insert(table).from_select(columns, people, include_defaults=False)
    query: Executable = add.on_conflict_do_nothing().returning(table.c.user_id)
    return query
