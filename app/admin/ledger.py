"""Deliveries with the sentence of their event, and the mails that went out: what the administrator's lists show."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.db import db
from app.errors import NotFound
from app.events.event import Event
from app.events.wording import plain
from app.feeds.lines import Line, lines_query, read_lines
from app.feeds.receipts import REASONS, TONES, WORDS
from app.inboxes.delivery import Delivery, DeliveryFailure
from app.inboxes.ledger import Receiver, posting
from app.inboxes.registry import BY_NAME
from app.inboxes.repair import AGAIN, ENDABLE, HOLDABLE
from app.notifications.outgoing_mail import OutgoingMail

PAGE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivery in a list."""

    delivery: Delivery
    uid: str
    words: str
    key: str | None
    title: str
    """Of the inbox."""
    state: str
    tone: str
    happened: str
    can_retry: bool
    can_discard: bool
    can_hold: bool


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """One delivery with everything that is known about it."""

    entry: Entry
    receivers: Sequence[Receiver]
    failures: Sequence[DeliveryFailure]


def entries(ids: Sequence[int]) -> list[Entry]:
    """These deliveries in this order. Six queries."""
    if not ids:
        return []
    found = {one.id: one for one in db.session.scalars(select(Delivery).where(Delivery.id.in_(ids)))}
    events = {one.event_id for one in found.values()}
    by_event = {line.id: line for line in read_lines(lines_query().where(Event.id.in_(events)))}
    return [_entry(found[one], by_event[found[one].event_id]) for one in ids if one in found]


def delivery_page(delivery_id: int) -> DeliveryPage:
    """One delivery with its targets and its attempts. Raises NotFound."""
    one = posting(delivery_id)
    if one is None:
        raise NotFound
    [entry] = entries([delivery_id])
    failures = select(DeliveryFailure).where(DeliveryFailure.delivery_id == delivery_id)
    return DeliveryPage(
        entry=entry,
        receivers=one.receivers,
        failures=db.session.scalars(failures.order_by(DeliveryFailure.id)).all(),
    )


def mails(*, before: int | None = None, limit: int = PAGE) -> tuple[Sequence[OutgoingMail], int | None]:
    """The newest mails, and where the next page begins."""
    query = select(OutgoingMail).order_by(OutgoingMail.id.desc()).limit(limit + 1)
    query = query.where(OutgoingMail.id < before) if before is not None else query
    found = db.session.scalars(query).all()
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def mail_with_event(mail_id: int) -> tuple[OutgoingMail, str | None]:
    """A mail, and the uid of the event it tells about. Raises NotFound."""
    mail = db.session.get(OutgoingMail, mail_id)
    if mail is None:
        raise NotFound
    return mail, db.session.scalar(select(Event.uid).where(Event.id == mail.event_id))


def _entry(delivery: Delivery, line: Line) -> Entry:
    key = line.issue.key if line.issue else None
    kind = BY_NAME.get(delivery.inbox)
    off = delivery.state == "skipped" and delivery.reason == "off"
    return Entry(
        delivery=delivery,
        uid=line.uid,
        words=f"{line.doer.name} {plain(line.parts, issue=key, quotes=False)}",
        key=key,
        title=kind.title if kind else delivery.inbox,
        state=WORDS.get(delivery.state, delivery.state),
        tone=TONES.get(delivery.state, ""),
        happened=delivery.last_error or REASONS.get(delivery.reason or "", delivery.reason or ""),
        can_retry=kind is not None and delivery.state in AGAIN and (delivery.state != "skipped" or off),
        can_discard=kind is not None and delivery.state in ENDABLE,
        can_hold=kind is not None and delivery.state in HOLDABLE,
    )
