"""What identifies a person: username, address, name. What is well formed, and what is still free."""

import re
from zoneinfo import available_timezones

from sqlalchemy import func, select

from app.accounts.user import User
from app.db import db
from app.errors import Invalid

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,38}\Z")
EMAIL = re.compile(r"[^@\s<>\"(),:;\[\]\\]{1,64}@[^@\s<>\"(),:;\[\]\\.]+(\.[^@\s<>\"(),:;\[\]\\.]+)*\Z")
EMAIL_MAX = 254
NAME_MAX = 80


def clean_username(username: str) -> str:
    """The username in lower case. Raises Invalid when it is malformed."""
    username = username.strip().lower()
    if not USERNAME.match(username):
        raise Invalid(
            "A username has 2 to 39 letters, digits, dots, dashes or underscores, "
            "and begins with a letter or digit",
            field="username",
        )
    return username


def clean_email(email: str) -> str:
    """The address as typed, without spaces around it. Raises Invalid when it cannot be one."""
    email = email.strip()
    printable = email.isprintable() and not any(0xD800 <= ord(letter) <= 0xDFFF for letter in email)
    if len(email) > EMAIL_MAX or not printable or not EMAIL.match(email):
        raise Invalid("An email address looks like name@example.org", field="email")
    return email


def clean_zone(zone: str) -> str:
    """Raises Invalid when there is no such time zone."""
    if zone not in zones():
        raise Invalid("Choose a time zone from the list", field="zone")
    return zone


def zones() -> list[str]:
    """The names of all time zones, UTC first."""
    names = available_timezones() - {"UTC", "localtime", "Factory", "posixrules"}
    return ["UTC", *sorted(name for name in names if not name.startswith(("Etc/", "SystemV/")))]


def require_free_username(username: str) -> None:
    """Raises Invalid when somebody has this username already."""
    if db.session.scalar(select(User.id).where(func.lower(User.username) == username.lower())):
        raise Invalid(f"The username {username} is taken", field="username")


def require_free_email(email: str, *, but: User | None = None) -> None:
    """Raises Invalid when somebody (but this person) has this address already."""
    owner = db.session.scalar(select(User.id).where(func.lower(User.email) == email.lower()))
    if owner is not None and (but is None or owner != but.id):
        raise Invalid("Somebody has this email address already", field="email")
