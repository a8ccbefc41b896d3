"""`flask events …`."""

from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app import clock, processes
from app.db import Base, db, reading_first
from app.events.carried_checkpoint import CarriedCheckpoint, NotACheckpoint, same_as_carried
from app.events.checkpoint import make_checkpoint
from app.events.verifying import Verified, verify
from app.events.verifying_checkpoints import Compared, verify_checkpoints

events = AppGroup("events", help="The history: verify it, sweep up what a crash left behind.")


@events.command("verify")
@click.option("--project", "key", metavar="KEY", help="Only this project and its issues.")
@click.option(
    "--against",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A checkpoint that was carried elsewhere: the JSON of Admin > Integrity.",
)
def verify_command(key: str | None, file: Path | None) -> None:
    """Check hash chains, checkpoints, and rows against their events. Exit code 1 at the first difference."""
    begun = clock.monotonic()
    processes.keep_what_is_loaded()
    done = Verified()
    key = key.strip().upper() if key else None
    carried = _carried(file) if file else None
    with reading_first():
        if db.session.get_bind().dialect.name == "postgresql":
            db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        projects = Base.metadata.tables["projects"]
        project_id = db.session.scalar(select(projects.c.id).where(projects.c.key == key)) if key else None
        if key and project_id is None:
            raise click.ClickException(f"There is no project {key}")
        for done in verify(key):  # noqa: B007 - the last one counts
            pass
        compared = Compared() if done.difference else verify_checkpoints(project_id)
        foreign = same_as_carried(carried) if carried else None
    difference = done.difference or compared.difference or foreign
    if difference:
        raise click.ClickException(str(difference))
    click.echo(
        f"{done.events:,} events of {done.issues:,} issues, {done.projects:,} projects and "
        f"{done.people:,} people verified, with {compared.heads:,} heads of {compared.checkpoints:,} checkpoints, "
        f"in {clock.monotonic() - begun:.1f} s: nothing differs."
    )


@events.command("checkpoint")
def checkpoint_command() -> None:
    """Hash the heads of everything that moved since the last checkpoint into one root, and chain it."""
    made = make_checkpoint()
    if made is None:
        click.echo("Nothing moved since the last checkpoint")
    else:
        click.echo(f"Checkpoint {made.number}: {made.heads:,} heads, {made.hash}")


def _carried(file: Path) -> CarriedCheckpoint:
    try:
        return CarriedCheckpoint.read(file.read_text())
    except (NotACheckpoint, UnicodeDecodeError) as error:
        raise click.BadParameter(str(error), param_hint="--against") from error
