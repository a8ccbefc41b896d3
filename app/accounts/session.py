"""Sign-in sessions on the server: each can be listed and ended. The row has the hash of the token."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ForeignKey, Select, String, bindparam, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.accounts.user import User
from app.db import Base, BigId, BigPk, db, rows

IDLE = timedelta(days=14)
"""A session nobody used for this long has ended."""
LONGEST = timedelta(days=90)
"""A session ends after this long, used or not."""
NOTED_EVERY = timedelta(hours=1)
"""How exact `seen_at` is: reading a page writes nothing more often than this."""


class SignInSession(Base):
    """One browser that is signed in."""

    __tablename__ = "sessions"

    id: Mapped[BigPk]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str | None] = mapped_column(String(60))
    agent: Mapped[str | None] = mapped_column(String(300))


def open_session(user: User, *, address: str | None, agent: str | None) -> tuple[SignInSession, str]:
    """A new session and its token, which is not kept."""
    token = secrets.token_urlsafe(32)
    moment = clock.now()
    session = SignInSession(
        user_id=user.id,
        token_hash=_hash(token),
        created_at=moment,
        seen_at=moment,
        expires_at=moment + LONGEST,
        address=address,
        agent=(agent or "")[:300] or None,
    )
    db.session.add(session)
    db.session.flush()
    return session, token


def find_session(token: str) -> tuple[SignInSession, User] | None:
    """The live session of this token and its active person, in one query."""
    moment = clock.now()
    values = {"token_hash": _hash(token), "now": moment, "idle": moment - IDLE}
    row = db.session.execute(_LIVE, values).one_or_none()
    return (row[0], row[1]) if row else None


_LIVE = (
    select(SignInSession, User)
    .join(User, User.id == SignInSession.user_id)
    .where(
        SignInSession.token_hash == bindparam("token_hash"),
        SignInSession.ended_at.is_(None),
        SignInSession.expires_at > bindparam("now"),
        SignInSession.seen_at > bindparam("idle"),
        User.is_active,
    )
)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A live session, as far as every request needs it."""

    id: int
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """The person of a session, as far as every request needs them."""

    id: int
    username: str
    name: str
    is_admin: bool
    zone: str
    live_epoch: int


def known_session(token: str) -> tuple[OpenSession, Known] | None:
    """What `find_session` finds, without loading the rows to be changed."""
    moment = clock.now()
    found = rows(_KNOWN, token_hash=_hash(token), now=moment, idle=moment - IDLE)
    if not found:
        return None
    row = found[0]
    person = Known(row.id, row.username, row.name, row.is_admin, row.zone, row.live_epoch)
    return OpenSession(row.session_id, row.seen_at), person


_KNOWN: Select[*tuple[Any, ...]] = _LIVE.with_only_columns(
    SignInSession.id.label("session_id"),
    SignInSession.seen_at,
    User.id,
    User.username,
    User.name,
    User.is_admin,
    User.zone,
    User.live_epoch,
)


def live_sessions(user: User) -> list[SignInSession]:
    """The person's sessions that have not ended, last used first."""
    query = (
        select(SignInSession)
        .where(SignInSession.user_id == user.id, SignInSession.ended_at.is_(None))
        .where(SignInSession.expires_at > clock.now(), SignInSession.seen_at > clock.now() - IDLE)
        .order_by(SignInSession.seen_at.desc())
    )
    return list(db.session.scalars(query))


def end_sessions(user: User, *, only: int | None = None, but: int | None = None) -> int:
    """End one session, all, or all but one; returns how many. Open streams go on: see people.py."""
    query = (
        update(SignInSession)
        .where(SignInSession.user_id == user.id, SignInSession.ended_at.is_(None))
        .values(ended_at=clock.now())
    )
    if only is not None:
        query = query.where(SignInSession.id == only)
    if but is not None:
        query = query.where(SignInSession.id != but)
    return int(db.session.execute(query).rowcount)  # type: ignore[attr-defined]


def touch(session_id: int) -> None:
    """Note that the session is in use."""
    db.session.execute(
        update(SignInSession).where(SignInSession.id == session_id).values(seen_at=clock.now())
    )


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
