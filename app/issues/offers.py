"""What the bar that changes many issues offers, read as plain rows: it stands on every list."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, or_, select

from app.accounts.user import User
from app.db import rows
from app.issues.label import Label
from app.projects.membership import Membership
from app.projects.project import Project

OFFERED = 50
"""People the bar names; an act by program or on an issue's page takes anybody."""


@dataclass(frozen=True, slots=True)
class Offers:
    """Rows with `name`, those of people with `username` too; both by name."""

    labels: Sequence[Row[Any]]
    people: Sequence[Row[Any]]


def offers(project: Project) -> Offers:
    """The labels of the project, and the first of those who may be given its issues."""
    return Offers(
        labels=rows(_LABELS, project_id=project.id),
        people=rows(_people(project.is_public), project_id=project.id),
    )


_LABELS = (
    select(Label.name).where(Label.project_id == bindparam("project_id")).order_by(func.lower(Label.name))
)


@cache
def _people(is_public: bool) -> Select[str, str]:  # noqa: FBT001 - the one thing the statement differs by
    query = select(User.username, User.name).where(User.is_active)
    if not is_public:
        members = select(Membership.user_id).where(Membership.project_id == bindparam("project_id"))
        query = query.where(or_(User.id.in_(members), User.is_admin))
    return query.order_by(func.lower(User.name)).limit(OFFERED)
