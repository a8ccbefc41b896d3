"""Texts as both sides can hold them, and the hidden mark by which we know again what we wrote.

What is compared is always the clean form: line ends, controls and lengths that one side would not keep do not count
as changes.
"""

import re
from hashlib import sha256
from html import escape

from app.issues.issue import TITLE_MAX

LONGEST = 60_000
"""Bytes of a text that are exchanged; both sides hold a little more."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_MARK = re.compile(r"\n*(?:<sub>[^\n]*</sub>)? ?<!-- tidings:([A-Z0-9]+-[0-9]+) ([^\s<>]+) -->[ \n]*")
_NAME = re.compile(r"[^A-Za-z0-9-]")


def clean_title(title: str) -> str:
    """A title on one line, as long as ours may be."""
    line = " ".join(_CONTROL.sub("", title).split())
    return (line if len(line) <= TITLE_MAX else line[: TITLE_MAX - 1].rstrip() + "…") or "(no title)"


def clean_text(text: str | None) -> str:
    """A description or comment without our mark."""
    plain = _CONTROL.sub("", (text or "").replace("\r\n", "\n").replace("\r", "\n"))
    plain = _MARK.sub("\n", plain).strip("\n").rstrip()
    if len(plain.encode()) > LONGEST:
        plain = plain.encode()[:LONGEST].decode(errors="ignore").rstrip()
    return plain if plain.strip() else ""


def digest(text: str) -> str:
    """The hash of a clean text."""
    return sha256(text.encode()).hexdigest()


def marked(text: str, *, mark: str, key: str, who: str, url: str) -> str:
    """The text as we write it there: below it who wrote it, and the hidden mark."""
    name = escape(" ".join(who.split())).replace("[", "(").replace("]", ")")
    body = clean_text(text)
    start = f"{body}\n\n" if body else ""
    return f"{start}<sub>{name}, in [{key}]({url})</sub> <!-- tidings:{key} {mark} -->"


def mark_in(text: str | None) -> str | None:
    """The mark in a text that may be ours."""
    found = _MARK.search(text or "")
    return found[2] if found else None


def header(login: str, url: str) -> str:
    """Says before a text from there who wrote it. The login is cut to what GitHub allows, the address is GitHub's."""
    name = _NAME.sub("", login)[:40] or "somebody"
    return f"**{name}** [on GitHub]({url.replace(')', '%29').replace(' ', '%20')}):"


def with_header(head: str, text: str) -> str:
    """A text from there as it stands here."""
    return f"{head}\n\n{text}" if head else text


def without_header(head: str, text: str) -> str:
    """The text itself."""
    return text.removeprefix(head).strip("\n") if head else text
