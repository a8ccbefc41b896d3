"""From lines to the rows the templates draw (templates/components/feed.html says what a row is).

Three places differ: on the issue's own page the issue is "this" and the address is #event-SEQ; elsewhere the issue is
named and the address is the event's own page; on a person's page the person is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from markupsafe import Markup

from app.accounts.viewer import Viewer
from app.events.parts import Part
from app.feeds.clusters import Cluster, Entry
from app.feeds.grouping import Day, Item, NewLine
from app.feeds.lines import Doer, Line, Said

Place = Literal["issue", "timeline", "person"]


@dataclass(frozen=True, slots=True)
class IssueRef:
    """The issue a row is about, where it has to be named."""

    key: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class CommentCard:
    """What the card of a comment shows."""

    id: int
    html: Markup
    author: Doer | None
    edited_at: datetime | None
    edited_href: str | None
    removed: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class ClusterHead:
    """The heading over several rows of one issue."""

    status: str
    title: str
    key: str
    href: str
    new: int


@dataclass(slots=True)
class Row:
    """One row of a feed."""

    id: str
    href: str
    at: datetime
    icon: str
    actor: Part | None
    parts: list[Part]
    issue: IssueRef | None
    say: str
    tone: str = ""
    fresh: bool = False
    comment: CommentCard | None = None
    receipt: Any = None
    group: "list[Row]" = field(default_factory=list)
    caused: "list[Row]" = field(default_factory=list)
    cluster: ClusterHead | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a feed's template walks over: a row, a day, a quiet gap, or the line of what is new."""

    kind: Literal["row", "day", "gap", "new"]
    row: Row | None = None
    at: datetime | None = None
    number: int = 0


def shown(items: Sequence[Item | Entry], viewer: Viewer, place: Place) -> list[Shown]:
    """The items of a feed as its template draws them."""
    out: list[Shown] = []
    for item in items:
        if isinstance(item, Day):
            out += [Shown("gap", number=item.quiet)] if item.quiet else []
            out.append(Shown("day", at=item.at))
        elif isinstance(item, NewLine):
            out.append(Shown("new", at=item.since, number=item.count))
        elif isinstance(item, Cluster):
            out.append(Shown("row", row=_cluster(item, viewer)))
        else:
            out.append(Shown("row", row=make_row(item, viewer, place)))
    return out


def make_row(line: Line, viewer: Viewer, place: Place) -> Row:
    """The row of one line."""
    own = place == "issue"
    issue = None if own or line.issue is None else IssueRef(line.issue.key, line.issue.title, f"/issues/{line.issue.key}")
    name = f"event-{line.seq}" if own else f"event-{line.uid}"
    return Row(
        id=name,
        href=f"#{name}" if own else f"/events/{line.uid}",
        at=line.at,
        icon=line.glyph,
        actor=None if place == "person" else _actor(line.doer, viewer),
        parts=line.parts if place != "person" or line.action == "group" else _capitalised(line.parts),
        issue=issue,
        say=f"{line.doer.name} {_said(line)}",
        tone="bad" if line.glyph == "pr-urgent" else "",
        fresh=line.fresh,
        comment=_card(line.comment, line, viewer) if line.comment else None,
        group=[make_row(member, viewer, place) for member in sorted(line.members, key=lambda one: one.seq)],
    )


def _cluster(cluster: Cluster, viewer: Viewer) -> Row:
    issue = cluster.issue
    newest = cluster.lines[0]
    rows = [make_row(line, viewer, "timeline") for line in cluster.lines]
    for row in rows:
        row.issue = None  # the heading names it
    head = ClusterHead(issue.status, issue.title, issue.key, f"/issues/{issue.key}", 0)
    return Row(
        id=f"cluster-{newest.uid}",
        href=head.href,
        at=newest.at,
        icon="",
        actor=None,
        parts=[],
        issue=None,
        say="",
        cluster=head,
        caused=rows,
    )


def _actor(doer: Doer, viewer: Viewer) -> Part:
    if doer.username is None:
        return Part("strong", doer.name)
    mine = doer.user_id == viewer.user_id
    return Part("person", "You" if mine else doer.name, href=doer.href)


def _card(said: Said, line: Line, viewer: Viewer) -> CommentCard:
    return CommentCard(
        id=said.id,
        html=Markup(said.html),  # noqa: S704 - cleaned when it was written, app.web.markdown
        author=line.doer if line.doer.username else None,
        edited_at=said.edited_at,
        edited_href=None,
        removed=said.deleted_at is not None,
        mine=said.author_id is not None and said.author_id == viewer.user_id,
    )


def _capitalised(parts: list[Part]) -> list[Part]:
    """The sentence begins with its verb where the person is left out."""
    first, *rest = parts
    return [Part(first.kind, first.text[:1].upper() + first.text[1:], first.href, first.extra), *rest]


def _said(line: Line) -> str:
    """The sentence in a few plain words, for the announcer."""
    words = "".join(part.text for part in line.parts if part.kind in ("text", "person", "label"))
    return " ".join(words.split())[:80] or "changed this"
