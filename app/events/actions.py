"""Every action there is: its fields, its words, its icon, its family. `ls` of what can happen in Tidings."""

from app.events.action import Action, Subject
from app.events.external_actions import EXTERNAL_ACTIONS
from app.events.issue_actions import ISSUE_ACTIONS
from app.events.people_actions import PEOPLE_ACTIONS
from app.events.planning_actions import PLANNING_ACTIONS
from app.events.project_actions import PROJECT_ACTIONS
from app.events.rule_actions import RULE_ACTIONS

ACTIONS: dict[tuple[str, str], type[Action]] = {
    (kind.subject.value, kind.name): kind
    for kind in (
        *ISSUE_ACTIONS,
        *PLANNING_ACTIONS,
        *PROJECT_ACTIONS,
        *EXTERNAL_ACTIONS,
        *RULE_ACTIONS,
        *PEOPLE_ACTIONS,
    )
}
"""(subject, name) -> class. The same word on an issue and on a project is told apart by the subject."""


class UnknownAction(ValueError):
    """An action that is not on the list cannot be recorded."""


def action_class(subject: Subject | str, name: str) -> type[Action]:
    """The class of an action. Raises UnknownAction."""
    try:
        return ACTIONS[str(subject), name]
    except KeyError:
        raise UnknownAction(f"There is no action {name!r} on a {subject}") from None
