"""Whom to forget, and the ways to find what names them: behind a place, a little at a time, reading only.

Each storey that keeps personal text registers its steps here. A step yields parts in the order of their places; the
erasure writes each in a short transaction, and goes on behind the last place when it was interrupted.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Executable, Select, delete, func, or_, select, update

from app.db import db
from app.events.action import REMOVED

NAME = "Former member"
AT_ONCE = 200
"""Rows one part changes."""
WINDOW = 5_000
"""Rows one look passes over."""


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


@dataclass(frozen=True, slots=True)
class Part:
    """Everything up to this place was looked at, and this is to be written."""

    place: int
    changes: Sequence[Executable] = ()


Eraser = Callable[[Erased, int], Iterator[Part]]
erasers: dict[str, Eraser] = {}
"""By the name of the step, in the order of their registration."""


def eraser(name: str) -> Callable[[Eraser], Eraser]:
    """Register a step. It may be done twice, and goes on behind the place it is given."""

    def register(step: Eraser) -> Eraser:
        erasers[name] = step
        return step

    return register


def windows(key: Any, place: int) -> Iterator[tuple[int, int]]:
    """The stretches of a table behind a place: above the first number, up to the second."""
    last = db.session.scalar(select(func.max(key))) or 0
    while place < last:
        following = min(place + WINDOW, last)
        yield place, following
        place = following


def replace_in(who: Erased, table: Any, *columns: str, place: int) -> Iterator[Part]:
    """Rewrite the text columns of the rows that name them. The table has the key `id`."""
    wanted = [table.c[name] for name in columns]
    for low, high in windows(table.c.id, place):
        query = select(table.c.id, *wanted).where(table.c.id > low, table.c.id <= high)
        found = db.session.execute(query.where(who.somewhere_in(*wanted)).order_by(table.c.id)).all()
        yield from in_parts([(row.id, _rewritten(who, table, row, columns)) for row in found], high)


def _rewritten(who: Erased, table: Any, row: Any, columns: Sequence[str]) -> Executable:
    """Only where the row still says what was read: what was written since does not name them."""
    texts = {name: row._mapping[name] for name in columns}
    change = update(table).where(table.c.id == row.id)
    for name, text in texts.items():
        change = change.where(table.c[name].is_not_distinct_from(text))
    return change.values({name: who.without(text) for name, text in texts.items() if text})


def delete_where(table: Any, key: Any, find: Callable[[int, int], Select[Any]], place: int) -> Iterator[Part]:
    """Delete the rows whose key the query finds in a stretch of it."""
    for low, high in windows(key, place):
        keys = sorted(set(db.session.scalars(find(low, high))))
        for part in pieces(keys):
            yield Part(part[-1], [delete(table).where(key.in_(part))])
        yield Part(high)


def forget_rows(who: Erased, table: Any, key: Any, place: int) -> Iterator[Part]:
    """Delete the person's own rows of a table, along this key of it."""
    own = table.c.user_id == who.user_id
    query = select(key).where(own).order_by(key).limit(AT_ONCE)
    while keys := db.session.scalars(query.where(key > place)).all():
        place = keys[-1]
        yield Part(place, [delete(table).where(own, key.in_(keys))])


def in_parts(found: Sequence[tuple[int, Executable]], end: int) -> Iterator[Part]:
    """These changes, each with its place, some at a time; up to the end there is no other.

    One place may have several, and not all of them in this part: it is looked at again.
    """
    for some in pieces(found):
        yield Part(some[-1][0] - 1, [change for _, change in some])
    yield Part(end)


def pieces(things: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (things[start : start + AT_ONCE] for start in range(0, len(things), AT_ONCE))
