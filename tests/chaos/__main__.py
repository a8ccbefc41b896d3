"""`make chaos`: the kill campaign on both databases, with its wake-ups and without them, and the slow rows of the
fault plan. Ends with status 1 at the first thing that does not add up.

    python -m tests.chaos [--database sqlite|postgresql] [--kills N] [--users N] [--seed N] [--silent] [--write]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.chaos.campaign import Result, run, spread
from tests.chaos.killer import Plan
from tests.chaos.outside import Outside, outside
from tests.support.databases import PostgresServer
from tests.support.house import House, house_in

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def main() -> int:
    """Run what the command line asks for and print what came of it."""
    options = _options()
    found: dict[str, Result] = {}
    for silent in (True,) if options.silent else (False, True):
        for database in [options.database] if options.database else list(NAMES):
            kills = options.kills if options.silent or not silent else max(1, options.kills // 5)
            plan = Plan(seed=options.seed, kills=kills, users=options.users, stops=kills // 10)
            name = NAMES[database] + (", wake-ups switched off" if silent else "")
            _say(f"{name}: seed {plan.seed}, {plan.kills} kills, {plan.users} people")
            with _house(database, silent=silent) as (house, beyond):
                found[name] = run(house, beyond, plan, _say)
            for title, figure in found[name].figures.items():
                _say(f"  {title}: {figure}")
            for inbox, seconds in found[name].delays.by_inbox.items():
                _say(f"  {inbox}: {spread(seconds)}")
            if found[name].delay(0.99) > 60:
                _say("OVER: recovery p99 is to be 60 s at most. The slowest:")
                for line in found[name].delays.slowest:
                    _say(f"  {line}")
                return 1
    if options.write:
        _write(found)
    return 0


@contextmanager
def _house(database: str, *, silent: bool) -> Iterator[tuple[House, Outside]]:
    with ExitStack() as stack:
        beyond = stack.enter_context(outside())
        environment = {**beyond.environment, "LOG_LEVEL": "ERROR"}
        if database == "postgresql":
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tidings-pg-"))
            server = PostgresServer(Path(folder))
            stack.callback(server.stop)
            server.create("chaos")
            environment["DATABASE_URL"] = server.url("chaos")
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="tidings-chaos-"))
        supervisor = "tests.chaos.silent" if silent else "app.supervisor"
        yield (
            stack.enter_context(
                house_in(Path(place) / "instance", environment, workers=3, supervisor=supervisor)
            ),
            beyond,
        )


def _write(found: dict[str, Result]) -> None:
    """Put the figures into docs/reliability.md, in the place of those that stand there."""
    titles = list(next(iter(found.values())).figures)
    table = ["| | " + " | ".join(found) + " |", "|---|" + "---|" * len(found)]
    table += [
        f"| {title} | " + " | ".join(one.figures[title] for one in found.values()) + " |" for title in titles
    ]
    page = PAGE.read_text()
    head, _, rest = page.partition("<!-- campaign -->\n")
    _, _, tail = rest.partition("<!-- end -->\n")
    PAGE.write_text(head + "<!-- campaign -->\n" + "\n".join(table) + "\n<!-- end -->\n" + tail)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)  # noqa: T201


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=list(NAMES), help="only this one")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument(
        "--silent",
        action="store_true",
        help="only with wake-ups switched off (else a fifth of the kills is repeated so)",
    )
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
