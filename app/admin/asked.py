"""What an administrator typed into the filters of a page, read carefully: each mistake is said at its field."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import func, select

from app.accounts.user import User
from app.db import db
from app.errors import Invalid
from app.projects.project import Project
from app.web.reader import zone
from app.web.text import clean_line

T = TypeVar("T")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")


@dataclass
class Asked:
    """The fields of a form as they were typed, and what is wrong with them."""

    fields: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def typed(self, name: str) -> str:
        """What stands in the field."""
        return self.fields.get(name, "").strip()

    def moment(self, name: str) -> str:
        """The same for a browser's field of date and time, which takes nothing else."""
        return self.typed(name) if _MOMENT.fullmatch(self.typed(name)) else ""

    def read(self, name: str, reading: Callable[[str], T]) -> T | None:
        """The field as `reading` understands it; None when it is empty or wrong. `reading` raises Invalid."""
        try:
            text = clean_line(self.typed(name), field=name, name="This", most=200, least=0)
            return reading(text) if text else None
        except Invalid as error:
            self.refuse(error, name)
            return None

    def refuse(self, error: Invalid, name: str = "form") -> None:
        """Say a refusal at the field it names."""
        self.errors.setdefault(error.field or name, error.message)

    @property
    def status(self) -> int:
        """Of the answer."""
        return 422 if self.errors else 200


def moment(text: str) -> datetime:
    """A moment as a browser's field or a person writes it; in the reader's zone unless it names one."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid("Write a date and time like 2026-11-23T14:00") from None


def project_id(key: str) -> int:
    """The id of the project with this key; administrators see every project."""
    found = db.session.scalar(select(Project.id).where(Project.key == key.upper()))
    if found is None:
        raise Invalid(f"There is no project {key[:20]}")
    return found


def person_id(username: str) -> int:
    """The id of the person with this username."""
    found = db.session.scalar(
        select(User.id).where(func.lower(User.username) == username.lower().lstrip("@"))
    )
    if found is None:
        raise Invalid(f"There is nobody called {username[:40]}")
    return found


def local(at: datetime) -> str:
    """A moment for a browser's field of date and time, in the reader's zone."""
    return at.astimezone(zone()).strftime("%Y-%m-%dT%H:%M")
