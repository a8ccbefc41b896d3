"""What is forgotten with a person: what they were told, and their name in mails that went out."""

from typing import Any

from sqlalchemy import update

from app.accounts.erasing import Erased, erasers, forget_rows, replace_in
from app.db import db
from app.events.action import REMOVED
from app.notifications.notification import Notification
from app.notifications.outgoing_mail import OutgoingMail

MAILS: Any = OutgoingMail.__table__


def _forget(who: Erased) -> None:
    forget_rows(who, [Notification.__table__])
    words = dict.fromkeys(("address", "subject", "text", "html"), REMOVED)
    db.session.execute(update(MAILS).where(MAILS.c.user_id == who.user_id).values(words))
    replace_in(who, MAILS, "address", "subject", "text", "html")


erasers.append(_forget)
