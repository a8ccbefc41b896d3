"""`flask events …`."""

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app import clock
from app.db import Base, db, reading_first
from app.events.verifying import Verified, verify

events = AppGroup("events", help="The history: verify it, sweep up what a crash left behind.")


@events.command("verify")
@click.option("--project", "key", metavar="KEY", help="Only this project and its issues.")
def verify_command(key: str | None) -> None:
    """Check every hash chain, and every row against its events. Exit code 1 at the first difference."""
    begun = clock.monotonic()
    done = Verified()
    key = key.strip().upper() if key else None
    with reading_first():
        if db.session.get_bind().dialect.name == "postgresql":
            db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        projects = Base.metadata.tables["projects"]
        if key and not db.session.scalar(select(projects.c.id).where(projects.c.key == key)):
            raise click.ClickException(f"There is no project {key}")
        for done in verify(key):  # noqa: B007 - the last one counts
            pass
    if done.difference:
        raise click.ClickException(str(done.difference))
    click.echo(
        f"{done.events:,} events of {done.issues:,} issues, {done.projects:,} projects and "
        f"{done.people:,} people verified in {clock.monotonic() - begun:.1f} s: nothing differs."
    )
