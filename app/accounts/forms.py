"""The forms of accounts, and what people typed into them, cleaned; the cleaning raises Invalid."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

from wtforms import BooleanField, EmailField, HiddenField, PasswordField, RadioField, SelectField, StringField
from wtforms.fields import SelectChoice

from app import clock
from app.accounts.identity import (
    NAME_MAX,
    clean_email,
    clean_username,
    require_free_email,
    require_free_username,
    zones,
)
from app.accounts.passwords import SHORTEST, check_password
from app.accounts.token import Scope
from app.errors import Invalid
from app.web.forms import Form
from app.web.text import clean_line

_NEW = {"autocomplete": "new-password"}
_PLAIN = {"autocapitalize": "none", "spellcheck": "false"}
_HINT = f"At least {SHORTEST} characters."


class SignInForm(Form):
    """The door."""

    email = EmailField("Email", render_kw={"autocomplete": "username", **_PLAIN})
    password = PasswordField("Password", render_kw={"autocomplete": "current-password"})
    remember = BooleanField("Stay signed in on this device", default=True)
    next = HiddenField()


class AccountForm(Form):
    """A new account."""

    name = StringField("Name", render_kw={"autocomplete": "name"}, description="As others see it.")
    email = EmailField("Email", render_kw={"autocomplete": "username", **_PLAIN})
    username = StringField(
        "Username",
        render_kw={"autocomplete": "nickname", **_PLAIN},
        description="For mentions and links, like @juno. It stays as it is.",
    )


class SetupForm(AccountForm):
    """The first account."""

    password = PasswordField("Password", render_kw=_NEW, description=_HINT)
    code = StringField(
        "Code",
        render_kw={"autocomplete": "off", **_PLAIN},
        description="You are not at this machine: the log of the server shows a code for you.",
    )


class NewPersonForm(AccountForm):
    """An account an administrator makes for somebody."""

    admin = BooleanField("May administer")


class ClaimForm(Form):
    """An address and a password for somebody an import brought in."""

    email = EmailField("Email", render_kw=_PLAIN)
    password = PasswordField("Password", render_kw=_NEW, description="Leave it empty and one is made.")


class ProfileForm(Form):
    """What others see of one, and in which zone one reads."""

    name = StringField("Name", render_kw={"autocomplete": "name"})
    zone = SelectField("Time zone", validate_choice=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone.choices = [SelectChoice(zone, zone.replace("_", " ")) for zone in zones()]


class MailsForm(Form):
    """Whether one is mailed, and when."""

    mails = BooleanField("Mail me as well")
    mail_pace = RadioField(
        "When",
        choices=[
            SelectChoice("at_once", "At once, each by itself"),
            SelectChoice("bundled", "Bundled, ten minutes of news in one mail"),
            SelectChoice("daily", "Once a day, at eight"),
        ],
        default="at_once",
        validate_choice=False,
    )
    quiet_from = StringField("Quiet from", render_kw={"type": "time"})
    quiet_to = StringField("Until", render_kw={"type": "time"})


class PasswordForm(Form):
    """Another password."""

    old = PasswordField("Password now", render_kw={"autocomplete": "current-password"})
    new = PasswordField("New password", render_kw=_NEW, description=_HINT)
    again = PasswordField("New password again", render_kw=_NEW)


class TokenForm(Form):
    """A new token."""

    title = StringField("Name", render_kw={"autocomplete": "off"}, description="What will use it, like CI.")
    scope = SelectField("May", validate_choice=False)
    expires_on = StringField(
        "Last day", render_kw={"type": "date"}, description="Empty: it holds until you revoke it."
    )

    def __init__(self, *args: Any, is_admin: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes = {"read": "Read", "write": "Read and write"} | (
            {"admin": "Read, write and administer"} if is_admin else {}
        )
        self.scope.choices = [SelectChoice(*scope) for scope in scopes.items()]


@dataclass(frozen=True, slots=True)
class AccountFields:
    """A new account."""

    name: str
    email: str
    username: str
    password: str


def account_fields(data: Mapping[str, Any], *, password: str | None = None) -> AccountFields:
    """Name, address, username and, unless one was made, password of a new account."""
    name = clean_name(data)
    email = clean_email(data.get("email") or "")
    username = clean_username(data.get("username") or "")
    if password is None:
        password = data.get("password") or ""
        check_password(password, about=(name, email, username))
    require_free_username(username)
    require_free_email(email)
    return AccountFields(name, email, username, password)


def clean_name(data: Mapping[str, Any]) -> str:
    """A person's name on one line."""
    return clean_line(data.get("name"), field="name", name="The name", most=NAME_MAX)


@dataclass(frozen=True, slots=True)
class TokenFields:
    """A new token."""

    title: str
    scope: Scope
    expires_at: datetime | None


def token_fields(data: Mapping[str, Any], *, zone: str, is_admin: bool) -> TokenFields:
    """Title, scope and the last day of a new token; the day ends in the person's own zone."""
    title = clean_line(data.get("title"), field="title", name="The name", most=80)
    scope: Any = data.get("scope") or ""
    if scope not in get_args(Scope) or (scope == "admin" and not is_admin):
        raise Invalid("Choose what the token may do", field="scope")
    return TokenFields(title, scope, _end_of((data.get("expires_on") or "").strip(), zone))


def _end_of(day: str, zone: str) -> datetime | None:
    if not day:
        return None
    try:
        last = date.fromisoformat(day)
        end = datetime.combine(last + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid("A day looks like 2027-01-31", field="expires_on") from None
    if end <= clock.now():
        raise Invalid("This day has passed", field="expires_on")
    return end
