"""Who there is: people as everybody who has signed in may see them, without their addresses."""

from collections.abc import Sequence

from sqlalchemy import func, select

from app.accounts.user import User
from app.db import db


def people_page(*, after: str | None = None, limit: int = 50) -> Sequence[User]:
    """Up to `limit` people by username, from the one after this username on; closed accounts are left out."""
    name = func.lower(User.username)
    query = select(User).where(User.is_active).order_by(name).limit(limit)
    if after is not None:
        query = query.where(name > after.lower())
    return db.session.scalars(query).all()


def find_person(username: str) -> User | None:
    """The person with this username, whatever its case."""
    return db.session.scalar(select(User).where(func.lower(User.username) == username.lower()))
