"""`flask analytics …`."""

from datetime import date

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app import clock
from app.analytics.counting import Stretch, rebuild, whole_history
from app.db import db
from app.projects.project import Project

analytics = AppGroup("analytics", help="Figures per day: count them anew.")


@analytics.command("rebuild")
@click.option("--project", "key", metavar="KEY", help="Only this project.")
@click.option("--from", "first", metavar="DAY", help="The first day, as 2026-11-23; else the first there is.")
@click.option("--to", "last", metavar="DAY", help="The last day; else the last there is.")
def rebuild_command(key: str | None, first: str | None, last: str | None) -> None:
    """Count the days anew from the log, each in a transaction of its own; days are those of UTC."""
    begun = clock.monotonic()
    chosen = (_day(first, "--from"), _day(last, "--to"))
    whole = whole_history(_project(key))
    if whole is None:
        click.echo("Nothing has happened yet")
        return
    stretch = Stretch(chosen[0] or whole.first, chosen[1] or whole.last, whole.project_id)
    if stretch.first > stretch.last:
        raise click.ClickException(f"There is no day from {stretch.first} to {stretch.last}")
    days = events = 0
    for _day_done, number in rebuild(stretch):
        days, events = days + 1, events + number
    seconds = clock.monotonic() - begun
    click.echo(f"{events:,} events of {days:,} days counted anew in {seconds:.1f} s")


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise click.BadParameter("write it as 2026-11-23", param_hint=option) from None


def _project(key: str | None) -> int | None:
    if key is None:
        return None
    project_id = db.session.scalar(select(Project.id).where(Project.key == key.strip().upper()))
    if project_id is None:
        raise click.ClickException(f"There is no project {key.strip().upper()}")
    return project_id
