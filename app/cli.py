"""The commands that belong to no package: start everything, and make ready for it."""

import os
import sys

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from app.accounts.token_commands import tokens
from app.accounts.user_commands import user
from app.admin.commands import doctor
from app.analytics.commands import analytics
from app.audit.commands import audit
from app.backup.commands import backup, restore
from app.config import ROOT
from app.demo.commands import demo, fill_if_empty
from app.events.commands import events
from app.importing.commands import importing
from app.inboxes.commands import deliveries
from app.reference import reference


def register(app: Flask) -> None:
    """Add the commands to `flask`."""
    app.cli.add_command(up)
    app.cli.add_command(prepare)
    app.cli.add_command(tokens)
    app.cli.add_command(importing)
    app.cli.add_command(user)
    app.cli.add_command(events)
    app.cli.add_command(demo)
    app.cli.add_command(deliveries)
    app.cli.add_command(analytics)
    app.cli.add_command(audit)
    app.cli.add_command(reference)
    app.cli.add_command(doctor)
    app.cli.add_command(backup)
    app.cli.add_command(restore)


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Start everything: Valkey, web with live streams, workers.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def up(arguments: tuple[str, ...]) -> None:
    """Become the supervisor (python -m app.supervisor), which loads no app; the arguments are its own."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "app.supervisor", *arguments])  # noqa: S606


@click.command(hidden=True)
@with_appcontext
def prepare() -> None:
    """Migrate, and fill an empty database with the demo workspace unless TIDINGS_DEMO is 0."""
    make_ready()


def make_ready(host: str | None = None) -> None:
    """What `flask prepare` does, for pages at `host`. In an app context; a second time does nothing more."""
    if (ROOT / "migrations" / "env.py").exists():
        upgrade()
    if current_app.extensions["settings"].demo:
        fill_if_empty(host)
