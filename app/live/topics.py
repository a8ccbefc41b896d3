"""Topics: what a page can watch. A name such as `issue:7`, a number that only grows, and a signed token that
says which topics its holder may hear about.

A token names topics the page already had when the server checked the rights that rendered it, and a stream
only ever carries names and numbers: nothing leaks when a right goes away meanwhile.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

Heads = Callable[[Sequence[int]], dict[int, int]]
Epoch = Callable[[int], int | None]

TOKEN_SECONDS = 12 * 3600
MOST_TOPICS = 10
AT_ONCE = 500
"""How many ids one question to a registered function may hold."""

_NAME = re.compile(r"[a-z_]{1,20}:[0-9]{1,18}")
_heads: dict[str, Heads] = {}
_epochs: list[Epoch] = []


class BadToken(Exception):
    """The token is not ours, is too old, or its holder has been signed out."""


@dataclass(frozen=True)
class Token:
    """What a token says: who (None for a visitor), at which epoch of theirs, and the topics."""

    user_id: int | None
    epoch: int
    topics: tuple[str, ...]


def register(kind: str, heads: Heads) -> None:
    """Say how to find the latest numbers of the topics of one kind: `heads(ids)` gives id -> number from the
    database.

    It is called in a thread, inside an app context, in a transaction that only reads.
    """
    _heads[kind] = heads


def register_epoch(epoch: Epoch) -> None:
    """Say how to find a person's epoch, which grows with every sign-out; None means they may not listen at
    all."""
    _epochs[:] = [epoch]


def sign(user_id: int | None, epoch: int, topics: Iterable[str]) -> str:
    """A token for these topics. Call it after the rights that render the page were checked."""
    names = list(dict.fromkeys(topics))
    if len(names) > MOST_TOPICS or not all(_NAME.fullmatch(name) for name in names):
        raise ValueError(f"A page may watch at most {MOST_TOPICS} topics named kind:number, not {names}")
    return _signer().dumps({"u": user_id, "e": epoch, "t": names})


def read(token: str) -> Token:
    """What the token says. Raises BadToken; does not ask the database, so the epoch is still to be
    compared."""
    try:
        facts = _signer().loads(token, max_age=TOKEN_SECONDS)
    except BadSignature as error:
        raise BadToken from error
    return Token(user_id=facts["u"], epoch=facts["e"], topics=tuple(facts["t"]))


def is_current(token: Token, epochs: dict[int, int | None]) -> bool:
    """Whether the holder still is at the epoch at which the token was made."""
    return token.user_id is None or epochs.get(token.user_id) == token.epoch


def heads(topics: Iterable[str]) -> dict[str, int]:
    """The latest number of each topic, from the database. Topics of an unknown kind or a gone thing are left
    out."""
    ids: dict[str, list[int]] = {}
    for topic in topics:
        kind, _, number = topic.partition(":")
        ids.setdefault(kind, []).append(int(number))
    found: dict[str, int] = {}
    for kind, numbers in ids.items():
        if kind in _heads:
            for start in range(0, len(numbers), AT_ONCE):
                latest = _heads[kind](numbers[start : start + AT_ONCE])
                found.update((f"{kind}:{number}", n) for number, n in latest.items())
    return found


def epochs(user_ids: Iterable[int]) -> dict[int, int | None]:
    """Each person's epoch, from the database."""
    if not _epochs:
        return {}
    return {user_id: _epochs[0](user_id) for user_id in set(user_ids)}


def _signer() -> URLSafeTimedSerializer:
    return _signer_with(current_app.extensions["settings"].secret_key)


@cache
def _signer_with(key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt="live")
