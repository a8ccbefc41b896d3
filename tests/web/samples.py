"""Rows, people and figures for pages that show every component."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.events.parts import Part, change, label, listed, person, status_change, strong, text, this
from app.feeds.clusters import Cluster
from app.feeds.grouping import Day, NewLine
from app.feeds.lines import Doer, Line, Said
from app.web.markdown import render_markdown

NOW = datetime(2026, 11, 23, 15, 44, tzinfo=UTC)


@dataclass
class Person:
    name: str
    username: str
    signed_in: bool = True
    is_admin: bool = True
    zone: str = "UTC"

    @property
    def href(self) -> str | None:
        return f"/people/{self.username}" if self.username else None


JUNO, OTIS, HAZEL = Person("Juno Alder", "juno"), Person("Otis Wren", "otis"), Person("Hazel Quill", "hazel")
ROWAN, TANSY, BRAM = (
    Person("Rowan Pike", "rowan"),
    Person("Tansy Moor", "tansy"),
    Person("Bram Sedge", "bram"),
)


@dataclass(frozen=True)
class Issue:
    key: str
    title: str
    status: str
    deleted: bool = False


CARD = Issue("ORC-142", "Card payments fail when the delivery address has no house number", "in_progress")
LONG = Issue("ORC-97", "Receipts use the wrong currency sign " + "verylongword" * 12, "reopened")
AUTOMATION = Person("Automation", "")


def row(
    seq: int,
    doer: Person,
    glyph: str,
    parts: list[Part],
    at: datetime,
    issue: Issue | None = None,
    **more: Any,
) -> Any:
    """A line of the feed."""
    return Line(
        id=seq,
        uid=f"01937b{seq:06x}",
        seq=seq,
        action="sample",
        issue_id=1,
        project_id=1,
        doer=Doer(doer.name, doer.username or None),
        glyph=glyph,
        parts=parts,
        at=at,
        small=True,
        quiet=False,
        depth=0,
        issue=issue,  # type: ignore[arg-type] # what templates need of one
        **more,
    )


def said(seq: int, doer: Person, html: str, at: datetime, issue: Issue | None, **more: Any) -> Any:
    edited, removed = more.pop("edited_at", None), more.pop("removed", None)
    card = Said(seq, html, 1, edited, removed, None)
    return row(seq, doer, "chat", [], at, issue, comment=card, **more)


RICH = """
@juno the fix releases the hold. See [the log](https://x.example/a), www.x.example and ORC-139.

# Steps
- [x] one
- [ ] two

| a | b |
|---|--:|
| 1 | 2 |

```py
print("a line that is rather long and goes on and on beyond the edge of a phone, and then a little further")
```
> Quoted `code`

![a picture](https://x.example/cat.png)
"""


def receipt(*, failed: bool = False) -> dict[str, Any]:
    lines = [
        {"icon": "mail", "name": "Email", "target": "Hazel, Otis, Rowan", "result": "0.9 s", "tone": "good"},
        {"icon": "hook", "name": "Webhook", "target": "ledger", "result": "200, 182 ms", "tone": "good"},
        {
            "icon": "sync",
            "name": "External sync",
            "target": "this issue is not linked",
            "result": "skipped",
            "tone": "",
        },
    ]
    if failed:
        lines = [
            {
                "icon": "hook",
                "name": "Webhook",
                "target": "ledger",
                "result": "503, try 3 of 8",
                "tone": "bad",
            }
        ]
    return {"summary": "1 failed" if failed else "Sent to 4", "failed": failed, "lines": lines}


def rule(seq: int, parts: list[Part], at: datetime) -> Any:
    because = [
        text(" because of rule "),
        Part("rule", "Urgent checkout goes to the on-call", href="/admin/rules"),
    ]
    return row(seq, AUTOMATION, "bolt", [*parts, *because], at)


def items(issue: Issue | None = None) -> list[Any]:
    """A feed with everything in it; with an issue, as it stands on pages over many."""
    day = timedelta(days=1)
    four = [
        row(21, OTIS, "tag", [text("added "), label("payments", "iris"), this("to")], NOW - day),
        row(22, OTIS, "tag", [text("added "), label("mobile", "gold"), this("to")], NOW - day),
        row(23, OTIS, "tag", [text("removed "), label("bug", "rose", gone=True), this("from")], NOW - day),
        row(
            24, OTIS, "calendar", [text("set due date "), *change(None, "25 November"), this("of")], NOW - day
        ),
    ]
    folded = [text("made 4 changes: ")]
    for place, one in enumerate(four):
        folded += [text(", ")] if place else []
        folded += one.parts[:2] if place < 3 else [text("due "), strong("25 Nov")]
    opened = [text("opened "), this(), text(" in "), strong("Orchard"), text(" with ")]
    opened += listed([label("bug", "rose"), label("checkout", "sky")])
    words = (
        "<p>The address service answers <code>422</code> and we treat any non-200 as a payment failure.</p>"
    )
    rich = render_markdown(
        RICH, mention=lambda name: f"/people/{name}", reference=lambda key, n: f"/issues/{key}-{n}"
    )
    return [
        Day((NOW - 3 * day).date(), NOW - 3 * day),
        row(1, HAZEL, "plus", opened, NOW - 3 * day, issue),
        row(
            2,
            ROWAN,
            "user",
            [text("assigned "), person("Otis Wren", "otis"), this("to")],
            NOW - 3 * day,
            issue,
        ),
        said(3, OTIS, words, NOW - 3 * day, issue, edited_at=NOW),
        said(4, TANSY, "", NOW - 3 * day, issue, removed=NOW),
        Day((NOW - day).date(), NOW - day, 3),
        row(
            17,
            OTIS,
            "st-in_progress",
            [text("started work"), this("on"), text(" "), *status_change("open", "in_progress")],
            NOW - day,
            issue,
        ),
        row(25, OTIS, "tag", folded, NOW - day, issue, members=four),
        row(
            26,
            BRAM,
            "st-reopened",
            [text("reopened "), this(), text(" "), Part("quote", "It still fails on a phone")],
            NOW - day,
            issue,
        ),
        NewLine(4, NOW - timedelta(hours=6)),
        Day(NOW.date(), NOW),
        row(
            30,
            HAZEL,
            "pr-urgent",
            [text("raised priority from "), *change("High", "Urgent"), this("of")],
            NOW,
            issue,
            fresh=True,
            receipt=receipt(),
            caused=[
                rule(31, [text("assigned "), person("Juno Alder", "juno")], NOW),
                rule(32, [text("added "), label("on-call", "rose")], NOW),
            ],
        ),
        said(33, OTIS, rich.html, NOW, issue, fresh=True, receipt=receipt(failed=True)),
        row(
            34,
            AUTOMATION,
            "merge",
            [
                text("linked "),
                Part("issue", "Release stale card holds nightly", "/issues/ORC-139", {"key": "ORC-139"}),
            ],
            NOW,
            issue,
            fresh=True,
        ),
    ]


def clusters() -> list[Any]:
    """The same as a timeline over many issues."""
    rows = items(CARD)[-3:]
    rows[0].caused = []
    lone = row(60, BRAM, "st-reopened", [text("reopened "), this()], NOW, LONG)
    return [Day(NOW.date(), NOW), Cluster(CARD, rows), lone]  # type: ignore[arg-type]


def of_a_person() -> list[Any]:
    """The same where the actor is left out."""
    rows = items(CARD)[-3:]
    rows[0].caused = []
    for one in rows:
        one.uid += "-p"
    return [Day(NOW.date(), NOW), *rows]
