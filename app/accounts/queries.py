"""Finding people. What an administrator's page may see is asked for by `require_admin` before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, exists, func, or_, select

from app.accounts.session import SignInSession
from app.accounts.token import ApiToken
from app.accounts.user import User
from app.db import db
from app.errors import NotFound
from app.events.recording import holds

PAGE = 100
_ADMINISTERS = and_(User.is_admin, User.is_active, User.password_hash.is_not(None))


@dataclass(frozen=True, slots=True)
class Account:
    """A line of the list of people."""

    user: User
    seen_at: datetime | None


def anybody_claimed() -> bool:
    """Whether somebody can sign in at all: False only on a fresh installation."""
    return bool(db.session.scalar(select(exists().where(User.password_hash.is_not(None)))))


def person_by_email(email: str) -> User | None:
    """The person with this address, whatever its case."""
    if not email.strip().isprintable():  # no address, and PostgreSQL would not even look for it
        return None
    return db.session.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))


def person_by_username(username: str) -> User:
    """The person with this username, whatever its case. Raises NotFound."""
    user = db.session.scalar(_named(username))
    if user is None:
        raise NotFound
    return user


def person_for_change(user_id: int) -> User:
    """The person, read anew and locked until the commit. Raises NotFound."""
    query = select(User).where(User.id == user_id).with_for_update()
    user = db.session.scalar(query.execution_options(populate_existing=True))
    if user is None:
        raise NotFound
    holds(user)
    return user


def person_to_administer(username: str) -> User:
    """The person with this username, read anew and locked until the commit. Raises NotFound.

    All administrators are locked with them, in the order of their ids: two who demote each other at the same
    moment take turns, and the second finds that only one is left.
    """
    wanted = or_(func.lower(User.username) == username.lower(), _ADMINISTERS)
    query = select(User).where(wanted).order_by(User.id).with_for_update()
    found = db.session.scalars(query.execution_options(populate_existing=True)).all()
    for user in found:
        if user.username.lower() == username.lower():
            holds(user)
            return user
    raise NotFound


def other_admins(user: User) -> int:
    """How many people besides this one can administer. Ask after `person_to_administer`."""
    query = select(func.count()).select_from(User).where(_ADMINISTERS, User.id != user.id)
    return db.session.scalar(query) or 0


def accounts(*, like: str = "", after: str = "", limit: int = PAGE) -> tuple[list[Account], bool]:
    """A page of all people by username, and whether there are more; `after` is the last one before it."""
    seen = (
        select(func.max(SignInSession.seen_at))
        .where(SignInSession.user_id == User.id)
        .correlate(User)
        .scalar_subquery()
    )
    query = select(User, seen).order_by(func.lower(User.username)).limit(limit + 1)
    if after:
        query = query.where(func.lower(User.username) > after.lower())
    if like:
        words = (User.username, User.name, User.email)
        query = query.where(
            or_(*(func.lower(word).contains(like.lower(), autoescape=True) for word in words))
        )
    rows = [Account(user, moment) for user, moment in db.session.execute(query)]
    return rows[:limit], len(rows) > limit


def all_people() -> Sequence[User]:
    """Everybody, by username."""
    return db.session.scalars(select(User).order_by(func.lower(User.username))).all()


def token_of(owner: User, token_id: int) -> ApiToken:
    """One live token of this person. Raises NotFound."""
    query = select(ApiToken).where(
        and_(ApiToken.id == token_id, ApiToken.user_id == owner.id, ApiToken.revoked_at.is_(None))
    )
    token = db.session.scalar(query)
    if token is None:
        raise NotFound
    return token


def _named(username: str) -> Select[User]:
    return select(User).where(func.lower(User.username) == username.lower())
