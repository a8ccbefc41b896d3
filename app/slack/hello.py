"""The test message: said at once, while somebody looks at the page."""

from datetime import timedelta

from app import clock
from app.config import Settings
from app.db import begin_write, db
from app.errors import Conflict, NotFound
from app.projects.project import Project
from app.sealing import Unsealable, unseal
from app.slack import calling
from app.slack.channel import HOLD, PACE, SlackChannel, give_back, locked
from app.slack.mrkdwn import link


def say_hello(project: Project, *, by: str, settings: Settings) -> None:
    """Write in the project's channel, which is ours meanwhile. Raises Conflict with what went wrong."""
    name = f"project:{project.id}"
    where = link(f"{settings.base_url}/projects/{project.key}", project.name)
    text = f"{where} will tell its news here. This is a test, sent by {link(settings.base_url, by)}."
    sealed = _take(name)
    error, wait, broken = _call(sealed, text, settings)
    begin_write()
    give_back(name, wait=wait, error=error, broken=broken, sent=error is None)
    db.session.commit()
    if error:
        raise Conflict(f"{error}.")


def _take(name: str) -> str:
    begin_write()
    channel = locked(name)
    if channel is None or channel.address is None:
        db.session.rollback()
        raise NotFound
    if refusal := _not_now(channel):
        db.session.rollback()
        raise Conflict(refusal)
    channel.busy_until = clock.now() + HOLD
    db.session.commit()
    return channel.address


def _not_now(channel: SlackChannel) -> str | None:
    now = clock.now()
    if channel.busy_until is not None and channel.busy_until > now:
        return "A message is on its way to this channel. Try again in a moment."
    if channel.free_at is not None and channel.free_at > now and channel.last_error:
        seconds = int((channel.free_at - now).total_seconds()) + 1
        return f"{channel.last_error}. Try again in {seconds} seconds."
    return None


def _call(sealed: str, text: str, settings: Settings) -> tuple[str | None, timedelta, bool]:
    """What went wrong, how long the channel rests, and whether the address is of no use any more."""
    try:
        address = unseal(sealed)
        calling.post(address, text, allowed=settings.allowed_outgoing)
    except calling.Busy as busy:
        return str(busy), busy.after, False
    except (calling.Broken, Unsealable) as hopeless:
        return str(hopeless), PACE, True
    except (calling.Failed, calling.Unwanted) as failed:
        return str(failed), PACE, False
    return None, PACE, False
