"""The administrator's switches."""

from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.accounts.user import User
from app.db import Base, db, rows
from app.errors import Conflict, NotFound
from app.events.event import Actor
from app.events.people_actions import InboxDisabled, InboxEnabled
from app.events.recording import record_event
from app.inboxes.registry import BY_NAME


class InboxSetting(Base):
    """An inbox that was switched at least once; without a row it is on."""

    __tablename__ = "inbox_settings"

    inbox: Mapped[str] = mapped_column(String(40), primary_key=True)
    enabled: Mapped[bool]
    changed_at: Mapped[datetime]


def switched_off() -> set[str]:
    """The inboxes that are off, as this transaction sees it."""
    return {row.inbox for row in rows(_OFF)}


_OFF = select(InboxSetting.inbox).where(InboxSetting.enabled.is_(False))


def switch(name: str, *, enabled: bool, by: User, actor: Actor, known: set[str]) -> None:
    """Switch an inbox. What happens while it is off is kept as `skipped: off` and can be sent later.

    Raises NotFound, and Conflict for one that is locked on.
    """
    if name not in known:
        raise NotFound(f"There is no inbox {name}")
    if not enabled and (why := BY_NAME[name].locked):
        raise Conflict(f"{BY_NAME[name].title} cannot be switched off: {why}")
    row = db.session.get(InboxSetting, name)
    if (row is None or row.enabled) == enabled:
        return
    if row is None:
        row = InboxSetting(inbox=name, enabled=enabled, changed_at=clock.now())
        db.session.add(row)
    row.enabled, row.changed_at = enabled, clock.now()
    db.session.flush()
    record_event(by, InboxEnabled(inbox=name) if enabled else InboxDisabled(inbox=name), actor=actor)
