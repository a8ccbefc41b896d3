"""`flask doctor`: is everything well?"""

import sys

import click
from flask.cli import with_appcontext

from app.admin.checks import all_checks
from app.db import reading_first


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Check settings, database, Redis, workers, mail and disk. Exit code 1 when something is wrong."""
    with reading_first():
        found = all_checks(reach_out=True)
    for one in found:
        click.echo(f"{'ok   ' if one.fine else 'WRONG'} {one.name}: {one.words}")
    if not all(one.fine for one in found):
        sys.exit(1)
