"""The texts of an archive as safe HTML: all of them before the transaction begins, for rendering is the slow part."""

from dataclasses import dataclass
from hashlib import sha256

from app.importing.plan import Addition, Plan
from app.issues.written import excerpt
from app.web.markdown import LONGEST, Mention, Reference, render_markdown

SHOWN = 60_000
"""Bytes of a text too long for the renderer that are shown; its source is kept in full."""
CUT = "\n\n*This text is longer than can be shown; its source is kept in full.*"


@dataclass(frozen=True, slots=True)
class Said:
    """A text ready to be written, with the logins in lower case that it mentions."""

    source: str
    html: str
    sha256: str
    excerpt: str
    mentions: tuple[str, ...]


def render(plan: Plan, addition: Addition) -> tuple[Said | None, list[Said]]:
    """The description, if the issue is new, and the remarks in their order."""
    description = _said(plan, addition.item.body) if addition.known is None else None
    return description, [_said(plan, remark.body) for remark in addition.remarks]


def _said(plan: Plan, source: str) -> Said:
    shown = source
    if len(whole := source.encode()) > LONGEST:
        shown = whole[:SHOWN].decode(errors="ignore") + CUT
    rendered = render_markdown(shown, mention=_mention(plan), reference=_reference(plan)) if shown else None
    return Said(
        source=source,
        html=rendered.html if rendered else "",
        sha256=sha256(whole).hexdigest(),
        excerpt=excerpt(source),
        mentions=rendered.mentions if rendered else (),
    )


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
