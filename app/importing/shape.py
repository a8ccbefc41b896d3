"""Taking values out of parsed JSON, with a plain sentence for whatever is not as it should be."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from app.errors import DomainError

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_WORDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "a yes or no",
}


class BadArchive(DomainError):
    """A file that cannot be imported. The text says which, where in it, and why."""

    status = 422
    code = "bad_archive"


class Shape:
    """An object of the file. `where` says which, in words, for the messages."""

    def __init__(self, value: Any, *, where: str, within: str = "") -> None:
        if not isinstance(value, dict):
            raise BadArchive(f"{where}: expected an object, found {_word(value)}")
        self._value: dict[str, Any] = value
        self._where = where
        self._within = within

    def named(self, name: str) -> "Shape":
        """The same object, called so in messages from now on."""
        return Shape(self._value, where=f"{self._within}, {name}", within=self._within)

    def items(self, field: str, *, optional: bool = False) -> Iterator["Shape"]:
        """The objects in a list."""
        for place, one in enumerate(self._list(field, optional), start=1):
            if not isinstance(one, dict):
                raise self.wrong(f"{field}, entry {place}", "an object", one)
            yield Shape(one, where=f"{self._where}, {field} entry {place}", within=self._where)

    def texts(self, field: str, *, most: int) -> list[str]:
        """The texts in a list, the empty ones left out."""
        found = []
        for place, one in enumerate(self._list(field, False), start=1):
            if not isinstance(one, str):
                raise self.wrong(f"{field}, entry {place}", "a text", one)
            found.append(self._short(field, clean(one).strip(), most))
        return [text for text in found if text]

    def text(self, field: str, *, optional: bool = False, most: int | None = None) -> str:
        """A text that every part of the house can keep; "" for null where it is optional."""
        value = self._value.get(field)
        if value is None and optional:
            return ""
        if not isinstance(value, str):
            raise self.wrong(field, "a text", value)
        return clean(value) if most is None else self._short(field, clean(value).strip(), most)

    def number(self, field: str, *, most: int) -> int:
        """A whole number from 1 to `most`."""
        value = self._value.get(field)
        if type(value) is not int:
            raise self.wrong(field, "a whole number", value)
        if not 1 <= value <= most:
            raise BadArchive(f"{self._where}: {field} is {str(value)[:20]}, not a number from 1 to {most}")
        return value

    def choice(self, field: str, choices: Sequence[str]) -> str:
        """One of a few words."""
        value = self.text(field)
        if value not in choices:
            raise BadArchive(f"{self._where}: {field} is {value[:40]!r}, not one of {', '.join(choices)}")
        return value

    def moment(self, field: str) -> datetime:
        """A time; one without a zone is UTC."""
        value = self._value.get(field)
        if not isinstance(value, str):
            raise self.wrong(field, "a time", value)
        try:
            found = datetime.fromisoformat(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            said = f"{field} is {value[:40]!r}, not a time like 2020-01-31T12:00:00Z"
            raise BadArchive(f"{self._where}: {said}") from None

    def has(self, field: str) -> bool:
        """Whether the field is there and not null."""
        return self._value.get(field) is not None

    def wrong(self, field: str, wanted: str, found: object) -> BadArchive:
        """The refusal of a value of the wrong kind."""
        return BadArchive(f"{self._where}: {field} should be {wanted}, found {_word(found)}")

    def _list(self, field: str, optional: bool) -> list[Any]:
        value = self._value.get(field)
        if value is None and optional:
            return []
        if not isinstance(value, list):
            raise self.wrong(field, "a list", value)
        return value

    def _short(self, field: str, text: str, most: int) -> str:
        if len(text) > most:
            raise BadArchive(f"{self._where}: {field} has {len(text)} characters, {most} are possible")
        return text


def clean(text: str) -> str:
    """The text as a form would have taken it: no control character, no half of a surrogate pair."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        text = unicodedata.normalize("NFC", text)
    return _CONTROL.sub("", text).strip("\n").rstrip()


def _word(value: object) -> str:
    return "nothing" if value is None else _WORDS.get(type(value), type(value).__name__)
