"""Keyset pages: a cursor says after which row to go on. It is signed: nobody builds one of their own.

It is good for one history: after a restore from a backup the same place may mean another row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from app.errors import Invalid
from app.restores import lineage

T = TypeVar("T")
Value = int | str | datetime
LONGEST = 512


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the page after them (None: these are the last)."""

    items: Sequence[T]
    next_cursor: str | None = None


def encode_cursor(*values: Value) -> str:
    """The place after the row that has these values in the columns the page is ordered by."""
    return _signer().dumps([_plain(value) for value in values])


def decode_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The values of a cursor, of these kinds only: `moment, id = decode_cursor(text, datetime, int)`.

    Raises Invalid with the field `cursor`.
    """
    try:
        if len(cursor) > LONGEST:
            raise BadSignature("too long")
        values = [_value(item) for item in _signer().loads(cursor)]
    except (BadSignature, ValueError, TypeError, KeyError):
        raise _refusal() from None
    if [type(value) for value in values] != list(kinds):
        raise _refusal()
    return tuple(values)


def _refusal() -> Invalid:
    return Invalid(
        "This place in the list cannot be found any more. Start again from its top.", field="cursor"
    )


def _plain(value: Value) -> object:
    return {"at": value.isoformat()} if isinstance(value, datetime) else value


def _value(item: object) -> Value:
    if isinstance(item, dict):
        return datetime.fromisoformat(item["at"])
    if isinstance(item, int | str):
        return item
    raise ValueError("Not a value of a cursor")


def _signer() -> URLSafeSerializer:
    return _signer_with(current_app.extensions["settings"].secret_key, lineage().epoch)


@cache
def _signer_with(key: str, epoch: str) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt=f"cursor{epoch}")
