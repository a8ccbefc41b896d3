"""`flask user …`: people, by command."""

import sys

import click
from flask import current_app
from flask.cli import AppGroup

from app.accounts.erasing import erase
from app.accounts.erasure import go_on
from app.accounts.identity import (
    NAME_MAX,
    clean_email,
    clean_username,
    require_free_email,
    require_free_username,
)
from app.accounts.passwords import check_password, hash_password
from app.accounts.people import create_person, deactivate
from app.accounts.queries import all_people, person_by_email, person_by_username, person_to_administer
from app.db import db
from app.errors import DomainError, NotFound
from app.events.event import SYSTEM
from app.web.text import clean_line

user = AppGroup("user", help="People: create, deactivate, erase, list.")


@user.command("create")
@click.argument("email")
@click.option("--name", required=True, help="As others see it.")
@click.option("--username", required=True, help="2 to 39 letters, digits, dots, dashes or underscores.")
@click.option("--admin", is_flag=True, help="May administer the installation.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input (a first line).")
def create(email: str, name: str, username: str, admin: bool, password_stdin: bool) -> None:
    """Make an account."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _asked()
    try:
        email, username = clean_email(email), clean_username(username)
        name = clean_line(name, field="name", name="Name", most=NAME_MAX)
        check_password(password, about=(email, username, name))
        require_free_username(username)
        require_free_email(email)
        db.session.commit()  # nobody waits while the hash is made
        password_hash = hash_password(password, cheap=current_app.extensions["settings"].testing)
        made = create_person(
            username=username,
            email=email,
            name=name,
            password_hash=password_hash,
            admin=admin,
            via="cli",
            actor=SYSTEM,
        )
        db.session.commit()
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{made.username} <{made.email}> can sign in{' and administer' if admin else ''}")


@user.command("deactivate")
@click.argument("email")
def deactivate_person(email: str) -> None:
    """Close an account: its sessions and tokens end at once."""
    try:
        found = person_by_email(email)
        if found is None:
            raise NotFound(f"Nobody has the address {email}")  # noqa: TRY301
        deactivate(person_to_administer(found.username), actor=SYSTEM)
        db.session.commit()
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{found.username} is deactivated")


@user.command("erase")
@click.argument("who", metavar="EMAIL|USERNAME")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase_person(who: str, yes: bool) -> None:
    """Forget who somebody was: name, address, mails, sessions, origins. What happened stays. No way back."""
    try:
        found = person_by_email(who) or person_by_username(who)
        if not yes:
            click.confirm(f"Erase {found.name} (@{found.username}) for good?", abort=True)
        name = found.username
        db.session.commit()
        person = person_to_administer(name)
        erase(person, actor=SYSTEM)
        db.session.commit()
        click.echo("The account is closed and nobody's. Now their name in everything that happened")
        go_on(person.id)
    except NotFound as error:
        raise click.ClickException(f"Nobody has the address or username {who}") from error
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo("Erased. Backups made before still hold the data until they are deleted.")


@user.command("list")
def list_people() -> None:
    """Print everybody: username, address, name, and what is special, separated by tabs."""
    for person in all_people():
        marks = [
            mark
            for mark, holds in (
                ("admin", person.is_admin),
                ("deactivated", not person.is_active),
                ("unclaimed", not person.is_claimed),
            )
            if holds
        ]
        click.echo("\t".join((person.username, person.email or "-", person.name, ",".join(marks) or "-")))


def _asked() -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("Give the password on standard input with --password-stdin")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
