"""API tokens: shown once, kept as a hash, with a scope that can only narrow what its owner may do."""

import secrets
from datetime import datetime
from hashlib import sha256
from typing import Literal

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.accounts.user import User
from app.db import Base, BigId, BigPk, db
from app.events.event import Actor
from app.events.people_actions import TokenCreated, TokenRevoked
from app.events.recording import record_event

Scope = Literal["read", "write", "admin"]
PREFIX = "tdg_"


class ApiToken(Base):
    """A key for programs. It acts for its owner, and the event says so."""

    __tablename__ = "api_tokens"

    id: Mapped[BigPk]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"), index=True)
    title: Mapped[str] = mapped_column(String(80))
    scope: Mapped[str] = mapped_column(String(10))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(8))
    """The last four characters, to tell tokens apart."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


def create_token(
    owner: User, *, title: str, scope: Scope, actor: Actor, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token and its secret, which is not kept."""
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        user_id=owner.id,
        title=title,
        scope=scope,
        token_hash=_hash(secret),
        hint=secret[-4:],
        created_at=clock.now(),
        expires_at=expires_at,
    )
    db.session.add(token)
    db.session.flush()
    record_event(owner, TokenCreated(token_id=token.id, title=title, scope=scope), actor=actor)
    return token, secret


def revoke_token(token: ApiToken, owner: User, *, actor: Actor) -> None:
    """End a token at once."""
    token.revoked_at = clock.now()
    record_event(owner, TokenRevoked(token_id=token.id, title=token.title), actor=actor)


def find_token(secret: str) -> tuple[ApiToken, User] | None:
    """The live token with this secret and its active owner."""
    query = (
        select(ApiToken, User)
        .join(User, User.id == ApiToken.user_id)
        .where(ApiToken.token_hash == _hash(secret), ApiToken.revoked_at.is_(None), User.is_active)
    )
    row = db.session.execute(query).one_or_none()
    if row is None or (row[0].expires_at is not None and row[0].expires_at <= clock.now()):
        return None
    return row[0], row[1]


def tokens_of(owner: User) -> list[ApiToken]:
    """The owner's tokens that were not revoked, newest first."""
    query = select(ApiToken).where(ApiToken.user_id == owner.id, ApiToken.revoked_at.is_(None))
    return list(db.session.scalars(query.order_by(ApiToken.id.desc())))


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
