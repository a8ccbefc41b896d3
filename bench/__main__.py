"""`make bench`: ours and the floor in turn, in one run, each in a process of its own; a table of ratios."""

import sys
import tempfile
from pathlib import Path

from app.config import ROOT
from app.embedded import EmbeddedValkey
from bench.pages import COMMENT, FEW_AND_MANY, PAGES, Pair
from bench.seed import Size
from bench.site import sqlite_site
from bench.subjects import Floor, Ours
from bench.trial import Ask, Runner, Timing, middle, running

ROUNDS = 9
"""Pairs of measurements, ours and the floor in turn, so that drift of the machine meets both."""
LONGEST_RATIO = 1.5
RECORD_RATIO = 1.3
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Made by `make bench`: SQLite (WAL, synchronous FULL), 10,000 issues, 100,000 events, a reader who has signed in. Each
figure is processor time of one request through the WSGI application, the median of {rounds} rounds in which the product
and a bare Flask + SQLAlchemy + Jinja page over a like table take turns, each in a process of its own. Trust the ratios;
milliseconds are of the machine at hand.

| what | ours ms | floor ms | ratio | goal | |
|---|--:|--:|--:|--:|---|
"""


def main() -> int:
    """Measure, print, and write docs/benchmarks.md. The exit code is 1 when a goal is missed."""
    size = Size()
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder, sqlite_site(size) as url:
        valkey = EmbeddedValkey(Path(folder))
        valkey.start()
        try:
            with running(Ours, Path(folder), url, valkey.url) as ours, running(Floor, url) as floor:
                lines, missed = _measure(ours, floor)
        finally:
            valkey.stop()
    text = HEAD.format(rounds=ROUNDS) + "\n".join(lines) + "\n"
    PAGE.write_text(text)
    print(text)
    return 1 if missed else 0


def _measure(ours: Runner, floor: Runner) -> tuple[list[str], int]:
    lines, missed = [], 0
    took: dict[str, Timing] = {}
    for pair in (*PAGES, COMMENT):
        mine, theirs = _in_turn(ours, floor, pair)
        took[pair.name] = mine
        missed += _line(lines, pair.name, mine, theirs, pair.most)
    few, many = took["issue with 10 events"], took["issue with 2,000 events, first view"]
    missed += _line(lines, "2,000 events against 10 events", many, few, LONGEST_RATIO)
    bare = middle(ours.other("event only", 120))
    recorded = middle(ours.other("record", 120))
    missed += _line(
        lines, "event and deliveries against event alone (wall)", _wall(recorded), _wall(bare), RECORD_RATIO
    )
    lines += [
        "",
        "Statements of a page, with few rows and with many:",
        "",
        "| page | few | many |",
        "|---|--:|--:|",
    ]
    for name, less, more in FEW_AND_MANY:
        counts = [len(ours.answer(Ask((path,)))[2]) for path in (less, more)]
        lines.append(f"| {name} | {counts[0]} | {counts[1]} |")
    return lines, missed


def _in_turn(ours: Runner, floor: Runner, pair: Pair) -> tuple[Timing, Timing]:
    ours.time(pair.ours, 3)
    floor.time(pair.floor, 3)
    mine, theirs = [], []
    for _ in range(ROUNDS):
        mine.append(ours.time(pair.ours, pair.times))
        theirs.append(floor.time(pair.floor, pair.times))
    return middle(mine), middle(theirs)


def _wall(timing: Timing) -> Timing:
    return Timing(timing.wall, timing.wall)


def _line(lines: list[str], name: str, mine: Timing, theirs: Timing, most: float) -> bool:
    ratio = mine.cpu / theirs.cpu
    verdict = "reached" if ratio <= most else "missed"
    lines.append(
        f"| {name} | {mine.cpu * 1000:.2f} | {theirs.cpu * 1000:.2f} | {ratio:.2f} | {most:g} | {verdict} |"
    )
    return ratio > most


if __name__ == "__main__":
    sys.exit(main())
