"""Erasing a person: what says who they were goes away everywhere, what happened stays, and every chain still verifies.

Events hold ids and commitments, so nothing of them has to change. The account is another one at once; the texts that
name the person go in short parts (`erasure`), by a worker.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import and_, delete, or_, select, update

from app.accounts import erasure
from app.accounts.erased import NAME, Erased, Part, delete_where, eraser, in_parts, windows
from app.accounts.people import deactivate, make_admin
from app.accounts.session import SignInSession
from app.accounts.token import ApiToken
from app.accounts.user import User
from app.db import after_commit, db
from app.errors import Conflict
from app.events.action import REMOVED
from app.events.event import Actor, Event, EventOrigin, EventText
from app.events.people_actions import UserErased
from app.events.recording import record_event

EVENTS: Any = Event.__table__
TEXTS: Any = EventText.__table__
ORIGINS: Any = EventOrigin.__table__


def erase(user: User, *, actor: Actor) -> None:
    """Close the account and forget whose it was; a worker does the rest. There is no way back.

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
    db.session.execute(delete(SignInSession).where(SignInSession.user_id == who.user_id))
    db.session.execute(update(ApiToken).where(ApiToken.user_id == who.user_id).values(title=REMOVED))
    erasure.begin(who)
    after_commit(f"erasure {who.user_id}", lambda: _wake(who.user_id))


def _wake(user_id: int) -> None:
    erasure.queue(user_id)


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


@eraser("their names in events")
def _forget_mentions(who: Erased, place: int) -> Iterator[Part]:
    """Their names where events speak of them."""
    for low, high in windows(TEXTS.c.event_id, place):
        query = (
            select(TEXTS.c.event_id, TEXTS.c.field, EVENTS.c.metadata, EVENTS.c.user_id)
            .join(EVENTS, EVENTS.c.id == TEXTS.c.event_id)
            .where(TEXTS.c.event_id > low, TEXTS.c.event_id <= high, TEXTS.c.text.in_(who.everything))
            .order_by(TEXTS.c.event_id)
        )
        found = [
            (number, delete(TEXTS).where(and_(TEXTS.c.event_id == number, TEXTS.c.field == field)))
            for number, field, facts, owner in db.session.execute(query)
            if owner == who.user_id or _is_about(who.user_id, facts, field)
        ]
        yield from in_parts(found, high)


@eraser("events on their account")
def _forget_own_texts(who: Erased, place: int) -> Iterator[Part]:
    """All texts of the events on their account."""
    own = select(TEXTS.c.event_id).join(EVENTS, EVENTS.c.id == TEXTS.c.event_id)
    own = own.where(EVENTS.c.user_id == who.user_id)
    key = TEXTS.c.event_id
    yield from delete_where(TEXTS, key, lambda low, high: own.where(key > low, key <= high), place)


@eraser("where they were")
def _forget_origins(who: Erased, place: int) -> Iterator[Part]:
    """From where they acted, and from where was acted on their account."""
    own = select(ORIGINS.c.event_id).join(EVENTS, EVENTS.c.id == ORIGINS.c.event_id)
    own = own.where(or_(EVENTS.c.user_id == who.user_id, EVENTS.c.actor_id == who.user_id))
    key = ORIGINS.c.event_id
    yield from delete_where(ORIGINS, key, lambda low, high: own.where(key > low, key <= high), place)


def _is_about(user_id: int, facts: Any, field: str) -> bool:
    """Whether the field, like `assignees.0.name`, belongs to the mention of this person."""
    parts = field.split(".")[:-1]
    for part in parts:
        facts = facts[int(part)] if part.isdigit() else facts.get(part, {})
    return bool(parts) and facts.get("id") == user_id and "username" in facts
