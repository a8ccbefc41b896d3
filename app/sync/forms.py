"""The form of a connection, and what was typed into it, cleaned; the cleaning raises Invalid."""

import re
from collections.abc import Mapping
from typing import Any

from wtforms import BooleanField, RadioField, StringField, TextAreaField
from wtforms.fields import SelectChoice

from app.errors import Invalid
from app.projects.project import Project
from app.projects.queries import people_named
from app.sync.connection import CHOICES, DIRECTIONS, SyncConnection, Wishes
from app.web.forms import Form
from app.web.text import clean_line, clean_text

REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}\Z")
LOGIN = re.compile(r"[a-z0-9][a-z0-9-]{0,38}\Z")
TOKEN_MAX = 300
MOST_NAMES = 100


class SyncForm(Form):
    """Which repository, with which token, which way, which issues."""

    repository = StringField(
        "Repository",
        render_kw={"autocomplete": "off", "spellcheck": "false", "placeholder": "owner/name"},
    )
    token = StringField(
        "Token",
        render_kw={"autocomplete": "off", "spellcheck": "false"},
        description="A fine-grained token for this repository with “Issues: read and write”.",
    )
    direction = RadioField(
        "Which way", choices=[SelectChoice(*one) for one in DIRECTIONS.items()], default="both"
    )
    choice = RadioField(
        "Which issues", choices=[SelectChoice(*one) for one in CHOICES.items()], default="all"
    )
    label = StringField(
        "The label", render_kw={"autocomplete": "off"}, description="Only for issues with a label."
    )
    names = TextAreaField(
        "Who is who",
        render_kw={"rows": 3, "spellcheck": "false", "placeholder": "octocat = ann"},
        description="A login on GitHub and a username here on each line. Others are named in what they wrote, "
        "and get no account.",
    )
    history = BooleanField("Bring in what is there already")


def form_of(connection: SyncConnection | None) -> SyncForm:
    """The form as it stands for this connection."""
    if connection is None:
        return SyncForm(formdata=None)
    names = "\n".join(f"{login} = {username}" for login, username in sorted(connection.names.items()))
    return SyncForm(
        formdata=None,
        repository=connection.repository,
        token="",
        direction=connection.direction,
        choice=connection.choice,
        label=connection.label,
        names=names,
    )


def clean_repository(data: Mapping[str, Any]) -> str:
    """owner/name, also from the address of its page."""
    said = clean_line(data.get("repository"), field="repository", name="The repository", most=200)
    short = said.removeprefix("https://github.com/").removesuffix("/").removesuffix(".git")
    if not REPOSITORY.match(short) or short.endswith(("/.", "/..")):
        raise Invalid("A repository is named owner/name, like octocat/hello-world", field="repository")
    return short


def clean_token(data: Mapping[str, Any]) -> str | None:
    """The token, if one was given."""
    token = clean_line(data.get("token"), field="token", name="The token", most=TOKEN_MAX, least=0)
    if token and (not token.isascii() or " " in token):
        raise Invalid("A token has letters, digits and underscores only", field="token")
    return token or None


def clean_wishes(data: Mapping[str, Any], project: Project) -> Wishes:
    """What is exchanged. One query."""
    label = clean_line(data.get("label"), field="label", name="The label", most=50, least=0)
    return Wishes(
        direction=data.get("direction") or "",
        choice=data.get("choice") or "",
        label=label,
        names=_names(clean_text(data.get("names"), field="names", name="The list of people"), project),
    )


def _names(text: str, project: Project) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        login, equals, username = (part.strip().lower().lstrip("@") for part in line.partition("="))
        if not equals or not LOGIN.match(login) or not username:
            raise Invalid(f"“{line[:60]}” is not of the form: login = username", field="names")
        if login in found or username in found.values():
            raise Invalid(f"“{line[:60]}” names somebody a second time", field="names")
        found[login] = username
    if len(found) > MOST_NAMES:
        raise Invalid(f"At most {MOST_NAMES} people", field="names")
    known = {person.username.lower() for person in people_named(project, list(found.values()))}
    missing = sorted(set(found.values()) - known)
    if missing:
        raise Invalid(f"There is nobody called {missing[0][:40]} in {project.name}", field="names")
    return found
