"""`flask deliveries retry`, `flask events sweep` and `flask events replay`: the ledger by hand."""

from datetime import UTC, datetime

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app import clock
from app.accounts.user import User
from app.db import begin_write, db, read_first
from app.errors import DomainError
from app.events.commands import events
from app.events.event import Actor
from app.inboxes import replaying  # noqa: F401 - its periodic work
from app.inboxes.dispatch import sweep
from app.inboxes.repair import AGAIN, Choice, retry_all
from app.inboxes.replay import Wish, count, sentences, start
from app.projects.project import Project

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


@events.command("replay")
@click.argument("inbox")
@click.option("--project", "key", metavar="KEY", help="Only events of this project.")
@click.option(
    "--since", required=True, help="Events from this moment on: 2026-11-23 or 2026-11-23T14:00 (UTC)."
)
@click.option("--until", help="Events before this moment; without it, up to now.")
@click.option("--imported", is_flag=True, help="Also what an import brought in.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option(
    "--force", "forced", is_flag=True, help="For an inbox that reaches people: tell them all the same."
)
def replay_events(inbox: str, key: str | None, since: str, until: str | None, **flags: bool) -> None:
    """Offer past events to one inbox again; what was delivered stays delivered. Workers do it."""
    read_first()
    dry_run = flags.pop("dry_run")
    try:
        wish = Wish(
            inbox=inbox,
            since=_moment(since),
            until=_moment(until, "--until") if until else clock.now(),
            project_id=_project(key) if key else None,
            **flags,
        )
        click.echo(sentences(wish, count(wish)))
        if dry_run:
            return
        begin_write()
        replay = start(wish, by=_administrator(), actor=BY_COMMAND)
        db.session.commit()
    except DomainError as error:
        db.session.rollback()
        raise click.ClickException(error.message) from error
    click.echo(f"Replay {replay.id} is under way; Admin > Inboxes shows how far it has come.")


@events.command("sweep")
def sweep_events() -> None:
    """Wake the workers for what is due; without Redis, deliver it here."""
    due = sweep()
    click.echo(f"Due work on: {', '.join(due)}" if due else "Nothing is due")


def _moment(text: str, option: str = "--since") -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("write it as 2026-11-23 or 2026-11-23T14:00", param_hint=option) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _project(key: str) -> int:
    found = db.session.scalar(select(Project.id).where(Project.key == key.strip().upper()))
    if found is None:
        raise click.ClickException(f"There is no project {key}")
    return found


def _administrator() -> User:
    """Acts of administration are recorded on an administrator: by a command, on the first there is."""
    query = select(User).where(User.is_admin, User.is_active).order_by(User.id).limit(1)
    found = db.session.scalar(query)
    if found is None:
        raise click.ClickException("There is no administrator yet: flask user create … --admin")
    return found
