"""Rows, people and figures for pages that show every component."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.events.parts import Part, change, label, listed, person, status_change, strong, text, this

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
ROWAN, TANSY, BRAM = Person("Rowan Pike", "rowan"), Person("Tansy Moor", "tansy"), Person("Bram Sedge", "bram")
ROBOT = Person("Automation", "")


@dataclass
class Issue:
    key: str = "ORC-142"
    title: str = "Card payments fail when the delivery address has no house number"
    status: str = "in_progress"


@dataclass
class Said:
    html: str
    edited_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclass
class Row:
    seq: int
    doer: Person
    glyph: str
    parts: list[Part]
    at: datetime
    issue: Issue | None = None
    comment: Said | None = None
    fresh: bool = False
    members: list["Row"] = field(default_factory=list)
    caused: list["Row"] = field(default_factory=list)
    receipt: Any = None
    tone: str = ""

    @property
    def uid(self) -> str:
        return f"01937b{self.seq:06x}"


@dataclass
class Cluster:
    issue: Issue
    lines: list[Row]


@dataclass
class Day:
    date: date
    quiet: int = 0


@dataclass
class NewLine:
    count: int
    since: datetime


def receipt(*, failed: bool = False) -> dict[str, Any]:
    lines = [
        {"icon": "mail", "name": "Email", "target": "Hazel, Otis, Rowan", "result": "0.9 s", "tone": "good"},
        {"icon": "hook", "name": "Webhook", "target": "ledger", "result": "200, 182 ms", "tone": "good"},
        {"icon": "sync", "name": "External sync", "target": "this issue is not linked", "result": "skipped", "tone": ""},
    ]
    if failed:
        lines = [{"icon": "hook", "name": "Webhook", "target": "ledger", "result": "503, try 3 of 8", "tone": "bad"}]
    return {"summary": "1 failed" if failed else "Sent to 4", "failed": failed, "lines": lines}


def rule(seq: int, parts: list[Part], at: datetime) -> Row:
    because = [text(" because of rule "), Part("rule", "Urgent checkout goes to the on-call", href="/admin/rules")]
    return Row(seq, ROBOT, "bolt", [*parts, *because], at)


def items(issue: Issue | None = None) -> list[Any]:
    """A feed with everything in it; with an issue, as it stands on pages over many."""
    day = timedelta(days=1)
    four = [
        Row(21, OTIS, "tag", [text("added "), label("payments", "iris"), this("to")], NOW - day),
        Row(22, OTIS, "tag", [text("added "), label("mobile", "gold"), this("to")], NOW - day),
        Row(23, OTIS, "tag", [text("removed "), label("bug", "rose", gone=True), this("from")], NOW - day),
        Row(24, OTIS, "calendar", [text("set due date "), *change(None, "25 November"), this("of")], NOW - day),
    ]
    folded = [text("made 4 changes: ")]
    for place, one in enumerate(four):
        folded += [text(", ")] if place else []
        folded += one.parts[:2] if place < 3 else [text("due "), strong("25 Nov")]
    opened = [text("opened "), this(), text(" in "), strong("Orchard"), text(" with ")]
    opened += listed([label("bug", "rose"), label("checkout", "sky")])
    words = "<p>The address service answers <code>422</code> and we treat any non-200 as a payment failure.</p>"
    rich = (
        '<p><a class="mention" href="/people/juno">@Juno</a> the fix releases the hold. See <a href="https://x.org/a" '
        'rel="noopener nofollow ugc">the log</a> and <a class="reference" href="/issues/ORC-139">ORC-139</a>.</p>'
        "<h4>Steps</h4><ul class='contains-task-list'><li class='task-list-item'><input type='checkbox' disabled checked "
        "aria-label='Done'> one</li></ul><table tabindex='0'><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2"
        "</td></tr></tbody></table><pre tabindex='0'><code class='language-py'>print('a line that is rather long and goes on and on "
        "beyond the edge of a phone, and then a little further')</code></pre><blockquote><p>Quoted</p></blockquote>"
    )
    return [
        Day(date(2026, 11, 20)),
        Row(1, HAZEL, "plus", opened, NOW - 3 * day, issue),
        Row(2, ROWAN, "user", [text("assigned "), person("Otis Wren", "otis"), this("to")], NOW - 3 * day, issue),
        Row(3, OTIS, "chat", [], NOW - 3 * day, issue, Said(words, edited_at=NOW)),
        Row(4, TANSY, "chat", [], NOW - 3 * day, issue, Said("", deleted_at=NOW)),
        Day(date(2026, 11, 22), quiet=3),
        Row(
            17,
            OTIS,
            "st-in_progress",
            [text("started work"), this("on"), text(" "), *status_change("open", "in_progress")],
            NOW - day,
            issue,
        ),
        Row(24, OTIS, "tag", folded, NOW - day, issue, members=four),
        Row(
            25,
            BRAM,
            "st-reopened",
            [text("reopened "), this(), text(" "), Part("quote", "It still fails on a phone")],
            NOW - day,
            issue,
        ),
        NewLine(4, NOW - timedelta(hours=6)),
        Day(date(2026, 11, 23)),
        Row(
            30,
            HAZEL,
            "pr-urgent",
            [text("raised priority from "), *change("High", "Urgent"), this("of")],
            NOW,
            issue,
            fresh=True,
            tone="bad",
            receipt=receipt(),
            caused=[
                rule(31, [text("assigned "), person("Juno Alder", "juno")], NOW),
                rule(32, [text("added "), label("on-call", "rose")], NOW),
            ],
        ),
        Row(33, OTIS, "chat", [], NOW, issue, Said(rich), fresh=True, receipt=receipt(failed=True)),
        Row(
            34,
            ROBOT,
            "merge",
            [text("linked "), Part("issue", "Release stale card holds nightly", "/issues/ORC-139", {"key": "ORC-139"})],
            NOW,
            issue,
            fresh=True,
        ),
    ]


def clusters() -> list[Any]:
    """The same as a timeline over many issues."""
    of = Issue()
    rows = [row for row in items(of) if isinstance(row, Row)]
    other = Issue("ORC-97", "Receipts use the wrong currency sign " + "verylongword" * 12, "reopened")
    lone = Row(60, BRAM, "st-reopened", [text("reopened "), this()], NOW, other)
    return [Day(date(2026, 11, 23)), Cluster(of, rows[-3:]), lone]
