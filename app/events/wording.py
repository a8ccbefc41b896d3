"""The sentence about an event as plain text, for mails, titles and lists."""

from collections.abc import Sequence

from app.events.parts import Part

STATUS_WORDS = {
    "open": "Open",
    "in_progress": "In progress",
    "resolved": "Resolved",
    "closed": "Closed",
    "reopened": "Reopened",
}


def plain(parts: Sequence[Part], *, issue: str | None = None, quotes: bool = True) -> str:
    """The sentence after the actor's name. `issue` is the issue's key where it has to be named.

    Without `quotes`, what somebody wrote is left out: it stands elsewhere.
    """
    words = "".join(_words(part, issue) for part in parts if quotes or part.kind != "quote")
    return " ".join(words.split())


def _words(part: Part, issue: str | None) -> str:
    if part.kind == "this":
        return _this(part, issue)
    if part.kind == "quote":
        return f": “{part.text}”"
    if part.kind == "issue":
        return f"{part.extra.get('key', '')} {part.text}"
    return {"arrow": " → ", "status": STATUS_WORDS.get(part.text, part.text)}.get(part.kind, part.text)


def _this(part: Part, issue: str | None) -> str:
    on = part.extra.get("on")
    if on:
        return f" {on} {issue}" if issue else ""
    return issue or part.text
