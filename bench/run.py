"""`python -m bench`: the pages beside the floor in turn, then what recording costs, then how pages grow."""

import os
import platform
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.embedded import EmbeddedValkey
from bench import pipeline
from bench.pages import COMMENT, FEW_AND_MANY, MANY_TO_FEW, PAGES, RECORDING, SEALING, Pair
from bench.report import Line, write, write_pipeline
from bench.seed import Size
from bench.site import site
from bench.subjects import Floor, Ours
from bench.trial import Ask, Runner, Timing, middle, running

ROUNDS = 15
SMALL = Size(1_000, 20_000)
FULL = Size()


@dataclass
class Bench:
    """Both applications, each in a process of its own, and what they have shown."""

    database: str
    floor: Runner
    ours: Runner
    lines: list[Line]

    def goal(self, name: str, ratio: float, most: float, detail: str) -> None:
        line = Line(name, ratio, most, detail)
        self.lines.append(line)
        print(line.text, flush=True)


def main() -> int:
    """Run everything and write docs/benchmarks.md."""
    database = _database()
    with _pair(FULL) as (floor, ours):
        bench = Bench(database, floor, ours, [])
        for pair in (*PAGES, COMMENT):
            _compare(bench, pair)
        _few_and_many_events(bench)
        _integrity(bench)  # before events are recorded for the clock alone, which rows know nothing of
        _recording(bench)
        counts = _fixed_counts(ours)
        grown = {name: timing.cpu for name, timing in _growth(ours).items()}
    with _pair(SMALL) as (_, ours):
        small = {name: timing.cpu for name, timing in _growth(ours).items()}
    only_pipeline()
    write(database, bench.lines, counts, [(name, small.get(name), grown[name]) for name in grown], _machine())
    return 0


def only_pipeline() -> int:
    """What follows the commit, into its own part of the page."""
    database = _database()
    lines = pipeline.measure(database)
    for line in lines:
        print(line.text, flush=True)
    write_pipeline(database, lines, _machine())
    return 0


def _compare(bench: Bench, pair: Pair) -> None:
    """In turn, so that what the machine does besides falls on both alike; the ratio is the median of the rounds."""
    status, body, statements = bench.ours.answer(pair.ours)
    floor_status, floor_body, floor_statements = bench.floor.answer(pair.floor)
    if (status, floor_status) != (pair.ours.expects, pair.floor.expects):
        raise SystemExit(f"{pair.name} answered {status}, the floor {floor_status}")
    bench.ours.time(pair.ours, 10)
    bench.floor.time(pair.floor, 10)
    rounds = [
        (bench.floor.time(pair.floor, pair.times), bench.ours.time(pair.ours, pair.times))
        for _ in range(ROUNDS)
    ]
    floor, ours = middle([one[0] for one in rounds]), middle([one[1] for one in rounds])
    ratio = statistics.median(one[1].cpu / one[0].cpu for one in rounds)
    detail = (
        f"{ours.cpu * 1e3:.1f} / {floor.cpu * 1e3:.1f} ms CPU, {ours.wall * 1e3:.1f} / {floor.wall * 1e3:.1f} ms, "
        f"{len(statements)} / {len(floor_statements)} statements, {len(body) / 1e3:.0f} / {len(floor_body) / 1e3:.0f} kB"
    )
    bench.goal(pair.name, ratio, pair.most, detail)


def _few_and_many_events(bench: Bench) -> None:
    few, many = Ask(("/issues/BIG-1",)), Ask(("/issues/BIG-3",))
    rounds = [(bench.ours.time(few, 12).cpu, bench.ours.time(many, 12).cpu) for _ in range(ROUNDS)]
    ratio = statistics.median(one[1] / one[0] for one in rounds)
    bench.goal("page of 2,000 / page of 10", ratio, MANY_TO_FEW, "both ours, in turn")


def _recording(bench: Bench) -> None:
    bench.ours.other("record", 20)
    bench.ours.other("event only", 20)
    rounds = [
        (middle(bench.ours.other("event only", 20)), middle(bench.ours.other("record", 20)))
        for _ in range(ROUNDS)
    ]
    ratio = statistics.median(one[1].wall / one[0].wall for one in rounds)
    alone, whole = (statistics.median(one[n].wall for one in rounds) * 1e3 for n in (0, 1))
    cpu = statistics.median(one[1].cpu / one[0].cpu for one in rounds)
    detail = f"{whole:.1f} / {alone:.1f} ms until committed; CPU alone {cpu:.2f}"
    bench.goal("event with its deliveries / event alone", ratio, RECORDING[bench.database], detail)


def _integrity(bench: Bench) -> None:
    """The verifying comes first: what is written unsealed would not verify."""
    each = bench.ours.other("verify", 1)[0]
    detail = f"{FULL.events:,} events took {each.wall * FULL.events:.1f} s ({each.cpu * FULL.events:.1f} s CPU), scaled"
    bench.goal("verify a million events / 60 s", each.wall * 1_000_000 / 60, 1.0, detail)
    rounds = [
        (middle(bench.ours.other("unsealed", 20)), middle(bench.ours.other("record", 20)))
        for _ in range(ROUNDS)
    ]
    ratio = statistics.median(one[1].wall / one[0].wall for one in rounds)
    without, whole = (statistics.median(one[n].cpu for one in rounds) * 1e3 for n in (0, 1))
    detail = f"{whole:.2f} / {without:.2f} ms CPU"
    bench.goal("event with its hash chain / without", ratio, SEALING, detail)


def _fixed_counts(ours: Runner) -> list[tuple[str, int]]:
    """Statements a page, the same with few rows and with many. Ends the run where they are not."""
    found = []
    for name, few, many in FEW_AND_MANY:
        numbers = {len(ours.answer(Ask((path,)))[2]) for path in (few, many)}
        if len(numbers) > 1:
            raise SystemExit(
                f"{name}: the number of statements depends on the number of rows: {sorted(numbers)}"
            )
        found.append((name, numbers.pop()))
        print(f"     {name}: {found[-1][1]} statements with few rows and with many", flush=True)
    return found


def _growth(ours: Runner) -> dict[str, Timing]:
    asks = {
        "list of 50": "/projects/BIG/issues",
        "board": "/projects/BIG/board",
        "home": "/",
        "person": "/people/person3/activity",
        "project's feed": "/projects/BIG/activity",
        "issue with 10 events": "/issues/BIG-1",
        "issue with 50 events": "/issues/BIG-2",
        "issue with 2,000 events": "/issues/BIG-3",
        "issue with 10,000 events": "/issues/BIG-4",
    }
    there = {
        name: Ask((path,)) for name, path in asks.items() if ours.answer(Ask((path,), expects=0))[0] == 200
    }
    for ask in there.values():
        ours.time(ask, 8)
    return {name: middle([ours.time(ask, 8) for _ in range(ROUNDS)]) for name, ask in there.items()}


@contextmanager
def _pair(size: Size) -> Iterator[tuple[Runner, Runner]]:
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder, site(size) as database_url:
        valkey = EmbeddedValkey(Path(folder))
        valkey.start()
        try:
            with (
                running(Floor, database_url) as floor,
                running(Ours, Path(folder), database_url, valkey.url) as ours,
            ):
                yield floor, ours
        finally:
            valkey.stop()


def _database() -> str:
    named = os.environ.get("BENCH_DB") or os.environ.get("DATABASE_URL") or "sqlite"
    return "postgresql" if named.startswith("postgres") else "sqlite"


def _machine() -> str:
    return f"{os.cpu_count()} virtual cores, {platform.system()}, Python {platform.python_version()}"
