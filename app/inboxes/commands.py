"""`flask deliveries retry` and `flask events sweep`: by hand what every sweeper does by itself."""

from datetime import UTC, datetime

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app.accounts.user import User
from app.db import begin_write, db, read_first
from app.errors import DomainError
from app.events.commands import events
from app.events.event import Actor
from app.inboxes.dispatch import sweep
from app.inboxes.repair import AGAIN, Choice, retry_all

deliveries = AppGroup("deliveries", help="Deliveries: send again what did not arrive.")
BY_COMMAND = Actor("system", ref="command")


@deliveries.command("retry")
@click.option("--inbox", required=True, help="The name of an inbox, such as email_notifications.")
@click.option("--state", required=True, type=click.Choice(AGAIN), help="Those in this state.")
@click.option("--since", help="Only of events from this moment on: 2026-11-23 or 2026-11-23T14:00 (UTC).")
def retry_deliveries(inbox: str, state: str, since: str | None) -> None:
    """Make deliveries due again, with all their attempts before them."""
    read_first()
    choice = Choice(state=state, inbox=inbox, since=_moment(since) if since else None)
    begin_write()
    try:
        number = retry_all(choice, by=_administrator(), actor=BY_COMMAND)
        db.session.commit()
    except DomainError as error:
        db.session.rollback()
        raise click.ClickException(error.message) from error
    click.echo(f"{number} {'delivery' if number == 1 else 'deliveries'} of {inbox} sent again")


@events.command("sweep")
def sweep_events() -> None:
    """Wake the workers for what is due; without Redis, deliver it here."""
    due = sweep()
    click.echo(f"Due work on: {', '.join(due)}" if due else "Nothing is due")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("write it as 2026-11-23 or 2026-11-23T14:00", param_hint="--since") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _administrator() -> User:
    """Acts of administration are recorded on an administrator: by a command, on the first there is."""
    query = select(User).where(User.is_admin, User.is_active).order_by(User.id).limit(1)
    found = db.session.scalar(query)
    if found is None:
        raise click.ClickException("There is no administrator yet: flask user create … --admin")
    return found
