"""What the API forgets with a person: answers kept for repeated requests that are theirs or name them."""

from typing import Any

from sqlalchemy import delete, or_, select

from app.accounts.erasing import Erased, erasers
from app.accounts.token import ApiToken
from app.api.idempotency_key import IdempotencyKey
from app.db import db

KEYS: Any = IdempotencyKey.__table__


def _forget(who: Erased) -> None:
    own = select(ApiToken.id).where(ApiToken.user_id == who.user_id)
    db.session.execute(delete(KEYS).where(or_(KEYS.c.token_id.in_(own), who.somewhere_in(KEYS.c.answer))))


erasers.append(_forget)
