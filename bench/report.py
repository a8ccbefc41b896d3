"""What was found, for people: on the screen, and as a part of docs/benchmarks.md for each database."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

`make bench` measures this page anew; `BENCH_DB=postgresql make bench` does so on a PostgreSQL of its own, and with
`DATABASE_URL` on a given one, empty the first time. Trust the ratios: seconds are those of one machine on one day.

**How.** The floor is bare Flask, SQLAlchemy's ORM and Jinja over like tables ([bench/floor.py](../bench/floor.py)): no
session, no rights, no side bar, plain text. Ours is the product with a reader who has signed in, over 10,000 issues and
100,000 events written by its own recording. Each runs in a process of its own, called through WSGI without a server, in
turn (floor, ours, floor, ours …), so that what the machine does besides falls on both. A ratio is the median over the
rounds of the CPU time a request takes in its process; the database server's own time is not in it. A comment's POST takes
the whole way: form token, rights, Markdown, event, deliveries, commit to disk, and a wake-up to a real Valkey.
`python -m bench pipeline` measures what follows the commit alone: the product as it runs, with its workers, beside
Flask-RQ's own worker with the same small job, and beside one job for each event on the same worker.
"""


@dataclass(frozen=True)
class Line:
    """A goal and how it stands."""

    name: str
    ratio: float
    most: float
    """The goal; with `at_least` the ratio is to reach it, else not to pass it."""
    detail: str
    at_least: bool = False

    @property
    def verdict(self) -> str:
        if self.at_least:
            return "PASS" if self.ratio >= self.most else "under"
        return "PASS" if self.ratio <= self.most else "over"

    @property
    def goal(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.most:g}"

    @property
    def text(self) -> str:
        return f"{self.verdict} {self.name}: {self.ratio:.2f}, goal {self.goal}. {self.detail}"


def write(
    database: str,
    lines: Sequence[Line],
    counts: Sequence[tuple[str, int]],
    growth: Sequence[tuple[str, float | None, float]],
    machine: str,
) -> None:
    """Put this run into the page; what stands there of the other database stays."""
    part = "\n".join(
        [
            f"## {NAMES[database]}",
            "",
            f"{machine}.",
            "",
            *_goals(lines),
            "",
            *_counts(counts),
            "",
            *_growth(growth),
        ]
    )
    _put(database, part)


def write_pipeline(database: str, lines: Sequence[Line], machine: str) -> None:
    """Put the figures of the pipeline into the page; all else stays."""
    _put(
        f"{database} pipeline",
        "\n".join([f"## {NAMES[f'{database} pipeline']}", "", f"{machine}.", "", *_goals(lines)]),
    )


def _put(name: str, part: str) -> None:
    parts = _parts(PAGE.read_text()) if PAGE.exists() else {}
    parts[name] = part
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join([HEAD, *(parts[name] + "\n" for name in NAMES if name in parts)]))


NAMES = {
    "sqlite": "SQLite",
    "sqlite pipeline": "From the commit to the inboxes, on SQLite",
    "postgresql": "PostgreSQL",
    "postgresql pipeline": "From the commit to the inboxes, on PostgreSQL",
}


def _goals(lines: Sequence[Line]) -> list[str]:
    table = ["| | ratio | goal | | ours / floor |", "|---|---|---|---|---|"]
    return table + [
        f"| {line.name} | {line.ratio:.2f} | {line.goal} | {line.verdict} | {line.detail} |" for line in lines
    ]


def _counts(counts: Sequence[tuple[str, int]]) -> list[str]:
    said = ", ".join(f"{name} {number}" for name, number in counts)
    return [f"Statements a page, the same with few rows and with many: {said}."]


def _growth(growth: Sequence[tuple[str, float | None, float]]) -> list[str]:
    table = [
        "| CPU ms a page | 1,000 issues, 20,000 events | 10,000 issues, 100,000 events |",
        "|---|---|---|",
    ]
    return table + [
        f"| {name} | {f'{small * 1e3:.1f}' if small else ''} | {full * 1e3:.1f} |"
        for name, small, full in growth
    ]


def _parts(page: str) -> dict[str, str]:
    found = {}
    for name, title in NAMES.items():
        head = f"## {title}\n"
        if head in page:
            found[name] = (head + page.split(head, 1)[1].split("\n## ", 1)[0]).rstrip()
    return found
