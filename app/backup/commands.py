"""`flask backup FILE` and `flask restore FILE`."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from app.backup.manifest import Refused
from app.backup.restoring import NAMES, back_up, bring_back

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("backup")
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
@with_appcontext
def backup(file: Path, force: bool) -> None:
    """Copy the whole database into one file while everything runs. SECRET_KEY is not in it."""
    try:
        made, size = back_up(file.absolute(), force=force, say=click.echo)
    except Refused as error:
        raise click.ClickException(f"{file}: {error}") from error
    mark = f"checkpoint {made.checkpoint['number']}" if made.checkpoint else "no checkpoint yet"
    click.echo(
        f"{file}: {size:,} bytes, {made.counts['events']:,} events and {sum(made.counts.values()):,} rows in "
        f"{len(made.counts)} tables, {NAMES[made.database]}, revision {made.revision}, {mark}"
    )
    click.echo(
        "SECRET_KEY is not in it: keep it elsewhere. Without it secrets of webhooks, Slack and GitHub have to be "
        "entered again."
    )


@click.command("restore")
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Replace a database that is not empty.")
@with_appcontext
def restore(file: Path, force: bool) -> None:
    """Put a backup in the place of the database. Stop every process first."""
    try:
        made = bring_back(file.absolute(), force=force, say=click.echo)
    except Refused as error:
        raise click.ClickException(f"{file}: {error}. Nothing was changed.") from error
    click.echo(
        f"Restored as it was at {made.made_at[:19].replace('T', ' ')} UTC: {made.counts['events']:,} events"
    )
    click.echo(
        "Everybody signs in again, and places in lists begin anew. What was due is sent once the workers run; what "
        "may have gone out after the copy was made is marked as such. Tokens that were revoked since then are good "
        "again: revoke them once more."
    )
    click.echo("Use the SECRET_KEY of then. Now run flask events verify, then start Tidings.")
