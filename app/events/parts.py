"""The pieces a sentence about an event is made of; templates and mails turn them into HTML or plain text."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """One piece. `kind` says how it looks:

    text, strong, person, label, status, priority, was (the old value), now (the new one), arrow, issue, project,
    quote (what somebody wrote), link, this (the issue itself: "this" on its own page, its key elsewhere; with
    `extra["on"]` a preposition, and then left out on the issue's own page).
    """

    kind: str
    text: str = ""
    href: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


ARROW = Part("arrow", " to ")
_THIS = Part("this", "this")


def text(words: str) -> Part:
    return Part("text", words)


def strong(words: str) -> Part:
    return Part("strong", words)


def this(on: str | None = None) -> Part:
    """The issue the event is about; `on` is the word before its key where it has to be named."""
    return _THIS if on is None else Part("this", "this", extra={"on": on})


def quote(words: str | None) -> list[Part]:
    return [Part("quote", words)] if words else []


def person(name: str, username: str) -> Part:
    return Part("person", name, href=f"/people/{username}")


def issue(key: str, title: str) -> Part:
    """Another issue than the one the event is about."""
    return Part("issue", title, href=f"/issues/{key}", extra={"key": key})


def label(name: str, color: str, *, gone: bool = False) -> Part:
    return Part("label", name, extra={"color": color, "gone": gone})


def status_change(before: str, after: str) -> list[Part]:
    return [Part("status", before, extra={"was": True}), ARROW, Part("status", after)]


def change(before: str | None, after: str | None) -> list[Part]:
    return [Part("was", before or "none"), ARROW, Part("now", after or "none")]


def listed(parts: list[Part]) -> list[Part]:
    """Parts with a space between each: chips stand beside one another, they are not a sentence."""
    spaced: list[Part] = []
    for part in parts:
        spaced += [text(" "), part] if spaced else [part]
    return spaced


def named(parts: list[Part]) -> list[Part]:
    """Ann / Ann and Bob / Ann, Bob and Cleo."""
    out: list[Part] = []
    for place, part in enumerate(parts):
        if place:
            out.append(text(" and " if place == len(parts) - 1 else ", "))
        out.append(part)
    return out
