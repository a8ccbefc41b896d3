"""`flask demo`, and what the first start of everything does."""

import ipaddress
import os
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import func, select

from app.accounts.user import User
from app.config import Settings
from app.db import begin_write, db, reading_first
from app.demo.people import Character, characters
from app.demo.story import stories
from app.demo.telling import Stage, rendered, tell
from app.errors import Conflict, DomainError, Forbidden
from app.projects.project import Project

KEPT = "demo-sign-in.txt"
"""In instance/, readable by its owner alone: the one place where the demo's passwords are kept."""


@click.command("demo")
@click.option("--if-empty", is_flag=True, help="Do nothing where there is something already.")
@with_appcontext
def demo(if_empty: bool) -> None:
    """Fill an empty database with the demo workspace and print how to sign in."""
    try:
        if if_empty:
            fill_if_empty()
        else:
            fill()
    except DomainError as error:
        raise click.ClickException(error.message) from error


def fill_if_empty(host: str | None = None) -> None:
    """Fill an empty database, unless others could reach it; a filled one prints its sign-in again.

    `host` is the address that will be listened on, if it is another than that of BASE_URL.
    """
    settings: Settings = current_app.extensions["settings"]
    kept = settings.instance / KEPT
    if not _is_empty():
        if kept.exists():
            click.echo(f"Demo sign-in: {kept.read_text().splitlines()[0]}")
    elif all(_is_loopback(one) for one in _hosts(settings, host)):
        fill(host)
    else:
        click.echo("No demo workspace: others could reach it. Make the first account at /setup.")


def fill(host: str | None = None) -> None:
    """Fill and commit. Raises Forbidden where others could reach it, Conflict when it is not empty."""
    settings: Settings = current_app.extensions["settings"]
    for one in _hosts(settings, host):
        if not _is_loopback(one):
            raise Forbidden(
                f"The demo workspace is for this machine alone, and {one} can be reached by others"
            )
    with reading_first():
        _refuse_if_filled()
        told, cast = stories(), characters(cheap=settings.testing)
        stage = Stage(html=rendered(told, cast))
        begin_write()
        _refuse_if_filled()
        issues = tell(told, cast, stage)
        path = _keep(settings.instance, cast)
        db.session.commit()
    click.echo(_block(cast, issues, len(told), path))


def _refuse_if_filled() -> None:
    if not _is_empty():
        raise Conflict("There are people or projects already; the demo workspace needs an empty database")


def _is_empty() -> bool:
    people = db.session.scalar(select(func.count()).select_from(User))
    return not people and not db.session.scalar(select(func.count()).select_from(Project))


def _hosts(settings: Settings, host: str | None) -> list[str]:
    own = urlsplit(settings.base_url).hostname or ""
    return [own, host] if host else [own]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _keep(instance: Path, cast: list[Character]) -> Path:
    """The sign-ins in a file for the owner alone, made anew."""
    path = instance / KEPT
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{one.email} {one.password}\n" for one in cast)
    return path


def _block(cast: list[Character], issues: int, projects: int, path: Path) -> str:
    first, *others = cast
    width = max(len(one.email) for one in cast)
    lines = [
        "",
        f"  A demo workspace with {projects} projects and {issues} issues is ready. Sign in with",
        "",
        f"      {first.email:{width}}  {first.password}   (administrator)",
        *(f"      {one.email:{width}}  {one.password}" for one in others),
        "",
        f"  Kept in {path}, and nowhere else.",
        "",
    ]
    return "\n".join(lines)
