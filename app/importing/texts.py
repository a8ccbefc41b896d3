"""The texts of an archive as safe HTML, all of them before the transaction: rendering is the slow part.

Half of a large archive is rendered by a fork, on another core. What it cannot do is done here after all.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import IO

from app import processes
from app.importing.plan import Addition, Plan
from app.issues.written import excerpt
from app.web.markdown import LONGEST, Mention, Reference, render_markdown

SHOWN = 60_000
"""Bytes of a text too long for the renderer that are shown; its source is kept in full."""
CUT = "\n\n*This text is longer than can be shown; its source is kept in full.*"
WORTH_A_FORK = 400
"""Texts; below that one process is as fast."""

Drawn = tuple[str, tuple[str, ...]]
"""HTML, and the logins in lower case that it mentions."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text ready to be written."""

    source: str
    html: str
    sha256: str
    excerpt: str
    mentions: tuple[str, ...]


Text = tuple[Said | None, list[Said]]
"""The description, if the issue is new, and the remarks in their order."""


def render_all(plan: Plan) -> Iterator[tuple[Addition, Text]]:
    """Every addition with its texts. The first call is from the main thread, since it may fork."""
    helped = plan.texts >= WORTH_A_FORK and (os.cpu_count() or 1) > 1
    if not helped:
        for addition in plan.additions:
            yield addition, _text(addition, _draw(plan, addition))
        return
    with tempfile.TemporaryFile("w+") as file:
        theirs = plan.additions[1::2]
        pid = processes.fork(lambda: _help(plan, theirs, file))
        mine = [_draw(plan, addition) for addition in plan.additions[::2]]
        others = _collect(plan, theirs, pid, file)
        for place, addition in enumerate(plan.additions):
            drawn = (others if place % 2 else mine)[place // 2]
            yield addition, _text(addition, drawn)


def _help(plan: Plan, additions: Sequence[Addition], file: IO[str]) -> int:
    json.dump([_draw(plan, addition) for addition in additions], file)
    file.flush()
    return 0


def _collect(plan: Plan, additions: Sequence[Addition], pid: int, file: IO[str]) -> list[list[Drawn]]:
    _, status = os.waitpid(pid, 0)
    if status:
        return [_draw(plan, addition) for addition in additions]
    file.seek(0)
    return [[(html, tuple(mentions)) for html, mentions in one] for one in json.load(file)]


def _sources(addition: Addition) -> list[str]:
    description = [addition.item.body] if addition.known is None else []
    return [*description, *(remark.body for remark in addition.remarks)]


def _draw(plan: Plan, addition: Addition) -> list[Drawn]:
    new = addition.known is None
    return [
        _drawn(plan, source, under=1 if new and not place else 3)
        for place, source in enumerate(_sources(addition))
    ]


def _drawn(plan: Plan, source: str, *, under: int) -> Drawn:
    if not source:
        return "", ()
    if len(whole := source.encode()) > LONGEST:
        source = whole[:SHOWN].decode(errors="ignore") + CUT
    made = render_markdown(source, mention=_mention(plan), reference=_reference(plan), under=under)
    return made.html, made.mentions


def _text(addition: Addition, drawn: Sequence[Drawn]) -> Text:
    said = [_said(source, *one) for source, one in zip(_sources(addition), drawn, strict=True)]
    return (said[0], said[1:]) if addition.known is None else (None, said)


def _said(source: str, html: str, mentions: tuple[str, ...]) -> Said:
    return Said(source, html, sha256(source.encode()).hexdigest(), excerpt(source), mentions)


def _mention(plan: Plan) -> Mention:
    """People of the archive, by the names they have there."""

    def href(login: str) -> str | None:
        username = plan.usernames.get(login)
        return f"/people/{username}" if username else None

    return href


def _reference(plan: Plan) -> Reference:
    """Issues of the archive, by the numbers they have there. A key is of no archive: SHA-256 is no issue."""

    def href(key: str | None, number: int) -> str | None:
        ours = None if key else plan.numbers.get(number)
        return f"/issues/{plan.key}-{ours}" if ours else None

    return href
