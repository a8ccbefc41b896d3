"""Numbers that rise with what is delivered: heads of live topics, raised for many rows in a few statements."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Executable, Row, bindparam, update

from app.db import rows

PART = 500
"""Rows whose numbers rise in one statement."""


def rising(table: Any, number: Any) -> Executable:
    """The statement for `rise`: built once and kept."""
    query: Executable = (
        update(table)
        .where(table.c.id.in_(bindparam("whose", expanding=True)))
        .values({number: number + bindparam("by")})
        .returning(table.c.id, number)
    )
    return query


def rise(statement: Executable, by: Mapping[int, int]) -> Iterator[Row[Any]]:
    """Raise the number of each row by so much; yields each id with the number it has reached.

    Rows that rise by the same are one statement, in ascending order, so that two who raise at once do not wait for
    each other in turn more often than they must.
    """
    for much in sorted(set(by.values())):
        ids = sorted(one for one, number in by.items() if number == much)
        for start in range(0, len(ids), PART):
            yield from rows(statement, whose=ids[start : start + PART], by=much)
