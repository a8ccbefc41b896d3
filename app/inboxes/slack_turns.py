"""Whose turn it is to call a channel: one at a time, the oldest event first, never before the channel is free.

Who must wait lets everybody behind wait with them, in one statement, so that a channel Slack put to rest costs nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, select, update

from app import clock
from app.db import begin_write, db
from app.events.event import Event
from app.inboxes.base import NotYet
from app.inboxes.delivery import SENT_AGAIN, Delivery
from app.periodic import periodic
from app.processes import taking_name
from app.projects.project import Project
from app.slack import channel as channels
from app.slack.channel import HOLD, INSTANCE, SlackChannel, locked

NAME = "slack_notifications"
MOST = 500
"""Deliveries told in one message."""
SOON = timedelta(seconds=0.5)
OPEN = ("pending", "failed", "processing")


@dataclass(slots=True)
class Told:
    """One message on its way, as plain data. `folded`: the deliveries that were told with it."""

    channel: str
    receiver: str
    event_id: int
    project: str
    link: str
    text: str
    who: str = ""
    batch_id: str | None = None
    folded: list[int] = field(default_factory=list)
    folded_at: datetime | None = None


@dataclass(slots=True)
class Waiting:
    """A delivery that waits for the same channel."""

    delivery_id: int
    event_id: int
    state: str
    text: str = ""
    batch_id: str | None = None


def take(told: Told) -> list[Waiting]:
    """Take the channel for one call; returns who waits behind. Raises NotYet when it is not ours to call now."""
    begin_write()
    channel = locked(told.channel)
    if channel is None:
        db.session.rollback()
        return []
    now = clock.now()
    if channel.busy_until is not None and channel.busy_until > now:
        _wait(told, now + SOON, "another message is on its way to this channel")
    if channel.free_at is not None and channel.free_at > now:
        _wait(told, channel.free_at, channel.last_error or "the channel takes one message a second")
    before = db.session.execute(_before(told)).first()
    if before is not None:
        soon = now + SOON
        until = soon if before.state == "processing" else max(before.next_attempt_at, soon)
        _wait(told, until, "waits for an earlier message to this channel")
    channel.busy_until, channel.busy_by = now + HOLD, taking_name()
    rows = db.session.execute(
        select(Delivery.id, Delivery.event_id, Delivery.state)
        .where(*_of(told.channel), Delivery.event_id > told.event_id, Delivery.state.in_(OPEN))
        .order_by(Delivery.event_id)
        .limit(MOST)
    )
    waiting = [Waiting(row.id, row.event_id, row.state) for row in rows]
    db.session.commit()
    return waiting


def give_back(told: Told, *, error: str, wait: timedelta = channels.PACE, broken: bool = False) -> None:
    """The call did not work; those behind wait as long. In the transaction in hand."""
    channels.give_back(told.channel, wait=wait, error=error, broken=broken)
    _put_off(told, clock.now() + wait)


@periodic("slack_held", every=timedelta(seconds=30))
def send_held() -> None:
    """Send what waited for a new address once there is one."""
    held = (
        select(Delivery.id)
        .join(Event, Event.id == Delivery.event_id)
        .join(SlackChannel, SlackChannel.project_id == Event.project_id)
        .where(Delivery.inbox == NAME, Delivery.state == "held", SlackChannel.broken.is_(None))
    )
    begin_write()
    db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(held))
        .values(
            state="pending",
            next_attempt_at=clock.now(),
            attempts=0,
            reason=None,
            finished_at=None,
            replay_id=SENT_AGAIN,
        )
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _wait(told: Told, until: datetime, words: str) -> None:
    """Raises NotYet, with everybody behind put off as long."""
    _put_off(told, until)
    db.session.commit()
    raise NotYet(words, after=max(until - clock.now(), timedelta()))


def _put_off(told: Told, until: datetime) -> None:
    later = select(Delivery.id).where(
        *_of(told.channel),
        Delivery.event_id > told.event_id,
        Delivery.state.in_(("pending", "failed")),
        Delivery.next_attempt_at < until,
    )
    db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(later))
        .values(next_attempt_at=until)
        .execution_options(synchronize_session=False)
    )


def _before(told: Told) -> Select[str, datetime | None]:
    """The next of those that were there before this one: they are told first."""
    return (
        select(Delivery.state, Delivery.next_attempt_at)
        .where(*_of(told.channel), Delivery.event_id < told.event_id, Delivery.state.in_(OPEN))
        .order_by(Delivery.next_attempt_at)
        .limit(1)
    )


def _of(channel: str) -> tuple[ColumnElement[bool], ...]:
    """The deliveries whose events belong to this channel."""
    projects = select(Project.id)
    if channel == INSTANCE:
        own = select(SlackChannel.project_id).where(SlackChannel.project_id.is_not(None))
        projects = projects.where(Project.visibility == "public", Project.id.not_in(own))
    else:
        projects = projects.join(SlackChannel, SlackChannel.project_id == Project.id)
        projects = projects.where(SlackChannel.name == channel)
    events = select(Event.id).where(Event.id == Delivery.event_id, Event.project_id.in_(projects))
    return (Delivery.inbox == NAME, events.correlate(Delivery).exists())
