"""What is forgotten with a person: what they were told, and their name in mails that went out."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select, update

from app.accounts.erased import AT_ONCE, Erased, Part, eraser, forget_rows, replace_in
from app.db import db
from app.events.action import REMOVED
from app.notifications.notification import Notification
from app.notifications.outgoing_mail import OutgoingMail

TOLD: Any = Notification.__table__
MAILS: Any = OutgoingMail.__table__
WORDS = ("address", "subject", "text", "html")


@eraser("what they were told")
def _forget_notifications(who: Erased, place: int) -> Iterator[Part]:
    yield from forget_rows(who, TOLD, TOLD.c.id, place)


@eraser("mails to them")
def _forget_mails(who: Erased, place: int) -> Iterator[Part]:
    query = select(MAILS.c.id).where(MAILS.c.user_id == who.user_id).order_by(MAILS.c.id).limit(AT_ONCE)
    while ids := db.session.scalars(query.where(MAILS.c.id > place)).all():
        place = ids[-1]
        yield Part(place, [update(MAILS).where(MAILS.c.id.in_(ids)).values(dict.fromkeys(WORDS, REMOVED))])


@eraser("mails to others")
def _forget_in_mails(who: Erased, place: int) -> Iterator[Part]:
    yield from replace_in(who, MAILS, *WORDS, place=place)
