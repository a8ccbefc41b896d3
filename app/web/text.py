"""What people type, made clean: one form of each character, one line end, nothing that cannot be stored."""

import re
import unicodedata
from datetime import date

from app.errors import Invalid

LONGEST_TEXT = 64 * 1024
"""Bytes of a body as UTF-8."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_DAY = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}")
_DIRECTION = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the reading direction of what follows: a name may not rearrange the line it stands in."""


def clean_line(value: object, *, field: str, name: str, most: int, least: int = 1) -> str:
    """One line, trimmed, inner white space made single. Raises Invalid, its words begin with `name`."""
    text = " ".join(_plain(value, field=field, name=name).split())
    if _DIRECTION.search(text):
        raise Invalid(f"{name} has a character that changes the reading direction.", field=field)
    if not text and least:
        raise Invalid(f"{name} is missing.", field=field)
    if len(text) < least:
        raise Invalid(f"{name} needs at least {least} characters.", field=field)
    if len(text) > most:
        raise Invalid(f"{name} has {len(text):,} characters; {most:,} is the most.", field=field)
    return text


def clean_text(
    value: object, *, field: str, name: str, required: bool = False, most: int = LONGEST_TEXT
) -> str:
    """Several lines ending in \\n; spaces at the ends are dropped. `most` counts bytes of UTF-8."""
    text = _plain(value, field=field, name=name).strip("\n").rstrip()
    if not text.strip():
        text = ""
    if required and not text:
        raise Invalid(f"{name} is missing.", field=field)
    if (size := len(text.encode())) > most:
        raise Invalid(f"{name} has {size:,} bytes; {most:,} is the most.", field=field)
    return text


def clean_day(value: object, *, field: str) -> date | None:
    """A day like 2026-12-24, None for nothing. Raises Invalid."""
    text = _plain(value, field=field, name="The day").strip()
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:  # the 30th of February
        pass
    raise Invalid("Give a day like 2026-12-24, or none.", field=field)


def _plain(value: object, *, field: str, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid(f"{name} must be text.", field=field)
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL.search(text):
        raise Invalid(f"{name} has a character that cannot be kept.", field=field)
    return unicodedata.normalize("NFC", text)
