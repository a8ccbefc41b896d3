"""Cursors are opaque, exact and ours."""

from datetime import UTC, datetime

import pytest
from flask import Flask

from app.errors import Invalid
from app.web.paging import decode_cursor, encode_cursor

MOMENT = datetime(2026, 11, 23, 15, 44, 1, 123456, tzinfo=UTC)


def test_a_cursor_gives_back_exactly_what_went_in(context: Flask) -> None:
    cursor = encode_cursor(MOMENT, 42, "grün")
    assert decode_cursor(cursor, datetime, int, str) == (MOMENT, 42, "grün")
    assert cursor.isascii()


@pytest.mark.parametrize("bad", ["", "x", "a.b", "W10.", "é", "\x00", "." * 40, "A" * 10_000])
def test_a_cursor_nobody_gave_is_refused(context: Flask, bad: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_cursor(bad, int)
    assert refused.value.field == "cursor"


def test_a_changed_cursor_is_refused(context: Flask) -> None:
    cursor = encode_cursor(42)
    for place in range(len(cursor) - 1):  # the last character of a signature has spare bits
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        with pytest.raises(Invalid):
            decode_cursor(changed, int)


def test_a_cursor_of_another_list_is_refused(context: Flask) -> None:
    for values, kinds in (((1,), (str,)), ((1, 2), (int,)), ((MOMENT,), (int,)), ((True,), (int,))):
        with pytest.raises(Invalid):
            decode_cursor(encode_cursor(*values), *kinds)


def test_a_cursor_of_another_server_is_refused(context: Flask) -> None:
    foreign = encode_cursor(1)
    context.extensions["settings"] = type(context.extensions["settings"])(
        **{**context.extensions["settings"].__dict__, "secret_key": "another"}
    )
    with pytest.raises(Invalid):
        decode_cursor(foreign, int)
