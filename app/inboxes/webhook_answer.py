"""What the answer of an endpoint means, in words its maker understands."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

from app import clock, http
from app.inboxes.base import TryLater, Withheld
from app.inboxes.webhook_message import Shipment

LONGEST_PATIENCE = timedelta(hours=24)
"""Retry-After is honoured up to here."""


class NotTaken(Exception):
    """An endpoint that answered, and not with 2xx."""


def judged(shipment: Shipment, answer: http.Answer) -> str:
    """What an answer means. Raises NotTaken, TryLater, Withheld."""
    status = answer.status
    if 200 <= status < 300:
        return f"answered {status}"
    if status == 410:
        shipment.gone = True
        raise Withheld("It answered 410 Gone: it wants nothing more. The webhook is off")
    if 300 <= status < 400:
        raise NotTaken(f"It answered {status}: redirects are not followed. Give the address it leads to")
    if status in (429, 503) and (asked := _patience(answer.headers.get("retry-after"))):
        shipment.patience = asked
        raise TryLater(f"It answered {status} and asked to wait {int(asked.total_seconds())} s", after=asked)
    raise NotTaken(f"It answered {status}{_meaning(status)}")


def _meaning(status: int) -> str:
    words = {
        400: ": it did not understand the message",
        401: ": it wants to know who asks, or did not accept the signature",
        403: ": it did not accept the signature, or lets nobody in",
        404: ": there is nothing at this address",
        405: ": it takes no POST",
        413: ": the message is too large for it",
        429: ": too many messages at once",
    }
    return words.get(status, ": it has a fault of its own" if status >= 500 else "")


def _patience(said: str | None) -> timedelta | None:
    """How long Retry-After asks to wait, as seconds or as a date; at most a day. None for what is neither."""
    if not said:
        return None
    if said.isascii() and said.isdigit():
        asked = timedelta(seconds=int(said[:9]))
    else:
        try:
            asked = parsedate_to_datetime(said) - clock.now()
        except (ValueError, TypeError):
            return None
    return min(asked, LONGEST_PATIENCE) if asked > timedelta() else None
