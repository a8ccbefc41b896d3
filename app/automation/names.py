"""The names of rules, for everything that shows what rules did. Removed rules keep theirs."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from app.automation.rule import Rule
from app.db import rows
from app.projects.project import Project


@dataclass(frozen=True, slots=True)
class RuleName:
    """A rule as feeds name it."""

    id: int
    name: str
    project_key: str
    quiet_days: int | None

    @property
    def href(self) -> str:
        """The page of the rule: for those who manage the project, and not found for others."""
        return f"/projects/{self.project_key}/settings/automation/{self.id}"


def rules_named(ids: Collection[int]) -> dict[int, RuleName]:
    """Id -> the rule's name and where it is found. One query for any number, none for none."""
    found = rows(_NAMES, ids=list(ids)) if ids else ()
    return {row.id: RuleName(row.id, row.name, row.key, row.quiet_days) for row in found}


_NAMES = (
    select(Rule.id, Rule.name, Rule.quiet_days, Project.key)
    .join(Project, Project.id == Rule.project_id)
    .where(Rule.id.in_(bindparam("ids", expanding=True)))
)
