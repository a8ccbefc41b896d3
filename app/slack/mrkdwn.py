"""Sentences in Slack's own markup. Nothing a person wrote can become markup, a mention or a link.

Slack has three characters to escape and no way to escape its formatting; a zero-width space before each formatting
character keeps it from formatting, and cannot be seen.
"""

import re
from collections.abc import Sequence

from app.events.parts import Part
from app.events.wording import STATUS_WORDS

QUOTE = 280
"""Characters of what somebody wrote."""
TITLE = 120
_FORMATTING = re.compile(r"([*_~`])")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def plain(text: str, *, most: int = QUOTE) -> str:
    """What somebody wrote, on one line, as text and nothing else."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    line = line if len(line) <= most else line[: most - 1].rstrip() + "…"
    escaped = "".join(_ESCAPES.get(letter, letter) for letter in line)
    return _FORMATTING.sub("\u200b\\1", escaped)


def link(url: str, words: str) -> str:
    """A link; a bar would end its address, and brackets are escaped in its words."""
    return f"<{url.replace('|', '%7C').replace('>', '%3E')}|{plain(words, most=TITLE).replace('|', '¦')}>"


def bold(text: str) -> str:
    """In bold, whatever it holds."""
    words = plain(text, most=TITLE)
    return f"*{words}*" if words else ""


def sentence(actor: str, parts: Sequence[Part], *, this: str) -> str:
    """One event: who did what, and below it what they wrote. `this` stands for the thing it is about."""
    said = "".join(_words(part, this) for part in parts if part.kind != "quote")
    quotes = "".join(f"\n> {plain(part.text)}" for part in parts if part.kind == "quote")
    named = any(part.kind == "this" for part in parts) or not this
    return f"{bold(actor)} {' '.join(said.split())}{'' if named else ' · ' + this}{quotes}"


def _words(part: Part, this: str) -> str:
    if part.kind == "this":
        on = part.extra.get("on")
        return f" {on} {this}" if on else this
    if part.kind == "arrow":
        return " → "
    if part.kind == "issue":
        return f"{part.extra.get('key', '')} {plain(part.text)}".strip()
    if part.kind == "status":
        return STATUS_WORDS.get(part.text, plain(part.text))
    if part.kind in ("strong", "person", "now", "label"):
        return bold(part.text)
    return _kept(part.text)


def _kept(words: str) -> str:
    """Plain, with the spaces at its ends: they part it from its neighbours."""
    inner = plain(words)
    return f"{' ' if words[:1] == ' ' else ''}{inner}{' ' if words[-1:] == ' ' and inner else ''}"
