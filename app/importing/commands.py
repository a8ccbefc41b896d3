"""`flask import …`."""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

import click
from flask.cli import AppGroup

from app import clock
from app.errors import DomainError
from app.importing.github_archive import Order, Report, import_github_archive

T = TypeVar("T")

importing = AppGroup("import", help="Bring in history from elsewhere.")


@importing.command("github-archive")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--project", "key", required=True, help="Its key, like TLS; a project that is missing is made.")
@click.option("--name", help="Of a new project; else the repository's.")
@click.option(
    "--visibility",
    type=click.Choice(["members", "public"]),
    default="members",
    show_default=True,
    help="Who may see a new project.",
)
@click.option("--as", "by", metavar="USERNAME", help="Who imports, and leads a new project.")
def github_archive(file: Path, key: str, **said: str | None) -> None:
    """Bring issues and pull requests with their history from FILE, a GitHub archive.

    Everything happens at its true time and nobody is notified. Running it again adds only what is new.
    """
    begun = clock.monotonic()
    order = Order(file, key.strip().upper(), **said)  # type: ignore[arg-type] # click checked the choice
    try:
        report = import_github_archive(order, watch=_bar)
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(_summary(report, clock.monotonic() - begun))


def _bar(what: Iterable[T], label: str, length: int) -> AbstractContextManager[Iterable[T]]:
    """A progress bar on a terminal, one line elsewhere."""
    if sys.stdout.isatty():
        return click.progressbar(what, label=label, length=length, show_pos=True)
    click.echo(f"{label} {length:,} issues")
    return nullcontext(what)


def _summary(report: Report, seconds: float) -> str:
    if not report.events:
        here = f"{report.present:,} issues and comments of the archive are here already."
        return f"{report.key}: nothing new. {here}"
    lines = [
        f"{report.key}: {report.issues:,} issues, {report.comments:,} comments and {report.people:,} people "
        f"imported as {report.events:,} events in {seconds:.1f} s ({report.events / seconds:,.0f} a second)."
    ]
    if report.wordless:
        lines.append(f"{report.wordless:,} comments and reviews without words were left out.")
    if report.present:
        lines.append(f"{report.present:,} issues and comments were here already.")
    return "\n".join(lines)
