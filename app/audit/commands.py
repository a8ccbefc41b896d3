"""`flask audit …`."""

import click
from flask.cli import AppGroup

from app import clock
from app.audit.verifying import verify_audit
from app.db import db, reading_first

audit = AppGroup("audit", help="The audit log: verify it.")


@audit.command("verify")
def verify_command() -> None:
    """Check the chain of the audit log and that no act is missing from it. Exit code 1 at the first difference."""
    begun = clock.monotonic()
    with reading_first():
        if db.session.get_bind().dialect.name == "postgresql":
            db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        done = verify_audit()
    if done.wrong:
        raise click.ClickException(f"The audit log: {done.wrong}")
    click.echo(f"{done.entries:,} entries verified in {clock.monotonic() - begun:.1f} s: nothing differs.")
