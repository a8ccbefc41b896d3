"""`flask token`: keys for programs."""

from typing import cast

import click
from flask.cli import AppGroup

from app.accounts.queries import person_by_email
from app.accounts.token import Scope, create_token
from app.db import begin_write, db
from app.errors import Invalid
from app.events.event import SYSTEM
from app.web.text import clean_line

NAME_MAX = 80

tokens = AppGroup("token", help="Tokens of the API.")


@tokens.command("create")
@click.argument("email")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--scope", type=click.Choice(["read", "write", "admin"]), default="read", show_default=True)
def create(email: str, name: str, scope: str) -> None:
    """Make a token that acts for the person with this address. It is printed once and not kept."""
    try:
        title = clean_line(name, field="name", name="The name", most=NAME_MAX)
    except Invalid as error:
        raise click.ClickException(error.message) from error
    begin_write()
    owner = person_by_email(email)
    if owner is None or not owner.is_active:
        raise click.ClickException(f"There is no active person with the address {email}")
    if scope == "admin" and not owner.is_admin:
        raise click.ClickException(f"{owner.name} is not an administrator: take the scope read or write")
    _, secret = create_token(owner, title=title, scope=cast(Scope, scope), actor=SYSTEM)
    db.session.commit()
    click.echo(secret)
