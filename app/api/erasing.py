"""What the API forgets with a person: answers kept for repeated requests that are theirs or name them."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import or_, select

from app.accounts.erased import Erased, Part, delete_where, eraser
from app.accounts.token import ApiToken
from app.api.idempotency_key import IdempotencyKey

KEYS: Any = IdempotencyKey.__table__


@eraser("answers of the API")
def _forget(who: Erased, place: int) -> Iterator[Part]:
    own = select(ApiToken.id).where(ApiToken.user_id == who.user_id)
    named = select(KEYS.c.id).where(or_(KEYS.c.token_id.in_(own), who.somewhere_in(KEYS.c.answer)))
    key = KEYS.c.id
    yield from delete_where(KEYS, key, lambda low, high: named.where(key > low, key <= high), place)
