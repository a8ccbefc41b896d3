"""Erasing a person: what says who they were goes away everywhere, what happened stays, and every chain still verifies.

Events hold ids and commitments, so nothing of them has to change. Each storey above that keeps personal text adds its
own eraser to the list, and is called in the same transaction.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select, update

from app.accounts.people import deactivate, make_admin
from app.accounts.session import SignInSession
from app.accounts.token import ApiToken
from app.accounts.user import User
from app.db import db
from app.errors import Conflict
from app.events.action import REMOVED
from app.events.event import Actor, Event, EventOrigin, EventText
from app.events.people_actions import UserErased
from app.events.recording import record_event

NAME = "Former member"
AT_ONCE = 500
EVENTS: Any = Event.__table__


@dataclass(frozen=True)
class Erased:
    """Who is to be forgotten: the id that stays, and every name and address they are known by."""

    user_id: int
    names: frozenset[str]
    handles: frozenset[str]
    """Usernames and addresses: found whatever their case."""

    @property
    def everything(self) -> frozenset[str]:
        return self.names | self.handles

    def without(self, text: str) -> str:
        """The text with their names replaced where they stand as words: addresses first, usernames last."""
        for pattern, instead in self._patterns:
            text = pattern.sub(instead, text)
        return text

    def somewhere_in(self, *columns: Any) -> ColumnElement[bool]:
        """The condition that one of these columns may name them; `without` decides."""
        return or_(*(column.contains(one, autoescape=True) for column in columns for one in self.everything))

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        longest = sorted(self.everything, key=lambda one: ("@" not in one, one in self.handles, -len(one)))
        return [
            (
                re.compile(
                    rf"(?<!\w){re.escape(one)}(?!\w)", re.IGNORECASE if one in self.handles else re.NOFLAG
                ),
                NAME if one in self.names else REMOVED,
            )
            for one in longest
        ]


Eraser = Callable[[Erased], None]
erasers: list[Eraser] = []
"""Called with whom to forget, inside the transaction. Packages above register theirs at import."""


def erase(user: User, *, actor: Actor) -> None:
    """Close the account and forget whose it was. There is no way back.

    Raises Conflict for the last administrator and for one who was erased before. What others wrote about the person in
    their own words stays theirs; the person's comments stay as a former member's.
    """
    if user.name == NAME and user.username.startswith("former-"):
        raise Conflict("This person was erased already")
    who = _known_as(user)
    if user.is_admin:
        make_admin(user, False, actor=actor)
    deactivate(user, actor=actor)
    user.name, user.username = NAME, _free_username(user)
    user.email = user.password_hash = user.imported_from = None
    user.zone, user.mails = "UTC", False
    record_event(user, UserErased(), actor=actor)
    db.session.flush()
    for eraser in (_forget_access, _forget_origins, _forget_texts, *erasers):
        eraser(who)


def replace_in(who: Erased, table: Any, *columns: str) -> None:
    """Rewrite the text columns of the rows that name them, some hundred at a time. The table has the key `id`."""
    last = 0
    wanted = [table.c[name] for name in columns]
    query = select(table.c.id, *wanted).where(who.somewhere_in(*wanted)).order_by(table.c.id).limit(AT_ONCE)
    while rows := db.session.execute(query.where(table.c.id > last)).all():
        for row in rows:
            values = {name: who.without(text) for name in columns if (text := row._mapping[name])}
            db.session.execute(update(table).where(table.c.id == row.id).values(values))
        last = rows[-1].id


def _known_as(user: User) -> Erased:
    """All names the person has had: those of now, and those their own events speak of."""
    query = (
        select(EventText.text, EventText.field)
        .join(Event, Event.id == EventText.event_id)
        .where(Event.user_id == user.id, Event.action.in_(("user_created", "user_renamed")))
        .where(EventText.field.in_(("user.name", "user.username", "from", "to")))
    )
    names, handles = {user.name}, {user.username}
    for text, field in db.session.execute(query):
        (handles if field == "user.username" else names).add(text)
    handles |= {one for one in (user.email, (user.imported_from or "").partition(":")[2]) if one}
    return Erased(user.id, frozenset(names), frozenset(handles))


def _free_username(user: User) -> str:
    """`former-12`, or with a dash more where somebody is called that."""
    name = f"former-{user.id}"
    while db.session.scalar(select(User.id).where(User.username == name, User.id != user.id)):
        name += "-"
    return name


def _forget_access(who: Erased) -> None:
    db.session.execute(delete(SignInSession).where(SignInSession.user_id == who.user_id))
    db.session.execute(update(ApiToken).where(ApiToken.user_id == who.user_id).values(title=REMOVED))


def _forget_origins(who: Erased) -> None:
    """From where they acted, and from where was acted on their account."""
    theirs = select(EVENTS.c.id).where(or_(EVENTS.c.user_id == who.user_id, EVENTS.c.actor_id == who.user_id))
    _delete(EventOrigin.__table__, EventOrigin.__table__.c.event_id.in_(theirs))


def _forget_texts(who: Erased) -> None:
    """The texts of events on their account, and their names where other events speak of them."""
    theirs = select(EVENTS.c.id).where(EVENTS.c.user_id == who.user_id)
    texts: Any = EventText.__table__
    _delete(texts, texts.c.event_id.in_(theirs))
    query = (
        select(texts.c.event_id, texts.c.field, EVENTS.c.metadata)
        .join(EVENTS, EVENTS.c.id == texts.c.event_id)
        .where(texts.c.text.in_(who.everything))
    )
    for event_id, field, facts in db.session.execute(query).all():
        if _is_about(who.user_id, facts, field):
            _delete(texts, (texts.c.event_id == event_id) & (texts.c.field == field))


def _is_about(user_id: int, facts: Any, field: str) -> bool:
    """Whether the field, like `assignees.0.name`, belongs to the mention of this person."""
    parts = field.split(".")[:-1]
    for part in parts:
        facts = facts[int(part)] if part.isdigit() else facts.get(part, {})
    return bool(parts) and facts.get("id") == user_id and "username" in facts


def _delete(table: Any, where: Any) -> None:
    db.session.execute(delete(table).where(where))


def forget_rows(who: Erased, tables: Iterable[Any]) -> None:
    """Delete the person's own rows of these tables."""
    for table in tables:
        _delete(table, table.c.user_id == who.user_id)
