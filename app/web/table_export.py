"""Tables as files: CSV that a spreadsheet cannot be tricked with, and JSON.

The rows go to a temporary file first, some hundred at a time: memory stays small, and nothing of the request is open
while a slow reader takes them.
"""

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Any

from flask import Response

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""
ROWS_AT_ONCE = 200
IN_MEMORY = 1_000_000
"""Bytes from which on the file is one on the disk."""


def cell(value: object) -> str:
    """A value as a cell. Text that could be a formula gets a leading apostrophe; numbers are left alone."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    risky = isinstance(value, str) and text.startswith(DANGEROUS)
    return f"'{text}" if risky else text


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """A download of these columns of the rows."""
    return text_file(name, "text/csv; charset=utf-8", _csv(columns, rows))


def json_file(name: str, rows: Iterable[Mapping[str, Any]]) -> Response:
    """A download of the rows as one list."""
    return text_file(name, "application/json", _json(rows))


def text_file(name: str, kind: str, parts: Iterator[str]) -> Response:
    """A download made of these parts."""
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by who sends it
    for part in parts:
        file.write(part.encode())
    length = file.tell()
    file.seek(0)
    response = Response(_sent(file), content_type=kind)
    response.content_length = length
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while part := file.read(65_536):
            yield part


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(columns)
    for number, row in enumerate(rows, start=1):
        writer.writerow([cell(row[name]) for name in columns])
        if number % ROWS_AT_ONCE == 0:
            yield page.getvalue()
            page.seek(0)
            page.truncate()
    yield page.getvalue()


def _json(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    before = "["
    for row in rows:
        yield before + json.dumps(row, default=_plain, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[" else "]\n"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
