"""What a rule says: when, if, then. Stored as JSON with a version number, so that later forms can read it.

Conditions and steps are uniform records; FIELDS and STEPS say which ones there are and what their values mean.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.events.action import Action, Family, Subject
from app.events.actions import ACTIONS
from app.events.issue_actions import Deleted

FORMAT: Literal[1] = 1
MOST_CONDITIONS = 20
MOST_STEPS = 20
MOST_DAYS = 3_650
TEXT_MAX = 4_000
VALUE_MAX = 200
LONGEST = 5
"""So many times more is read, so that who wrote too much is told and loses nothing."""

Kind = Literal[
    "status",
    "priority",
    "label",
    "milestone",
    "person",
    "kind",
    "role",
    "doer",
    "text",
    "days",
    "step",
    "people",
    "none",
    "webhook",
    "number",
]
"""What sort of value a field or step takes: how it is chosen and how it is checked."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class When(_Part):
    """What sets the rule off: things that happen (actions, or whole families), or that nothing happens for days."""

    actions: tuple[str, ...] = Field(default=(), max_length=30)
    quiet_days: int | None = Field(default=None, ge=1, le=MOST_DAYS)


class Condition(_Part):
    """One condition: `field` of FIELDS, `op` of its operators, a value; `name` of a fact for the field `fact`."""

    field: str = Field(max_length=20)
    op: str = Field(max_length=20)
    value: str = Field(default="", max_length=LONGEST * VALUE_MAX)
    name: str = Field(default="", max_length=40)


class Step(_Part):
    """One thing to do: `do` of STEPS, with a value or a text or both. `title` is that of a new issue."""

    do: str = Field(max_length=20)
    value: str = Field(default="", max_length=LONGEST * VALUE_MAX)
    title: str = Field(default="", max_length=LONGEST * VALUE_MAX)
    text: str = Field(default="", max_length=LONGEST * TEXT_MAX)


class Definition(_Part):
    """A whole rule."""

    v: Literal[1] = FORMAT
    when: When = When()
    match: Literal["all", "any"] = "all"
    conditions: tuple[Condition, ...] = Field(default=(), max_length=MOST_CONDITIONS)
    steps: tuple[Step, ...] = Field(default=(), max_length=MOST_STEPS)

    def stored(self) -> dict[str, Any]:
        """As it is kept."""
        return self.model_dump(mode="json")

    @property
    def scheduled(self) -> bool:
        """Whether time sets it off."""
        return self.when.quiet_days is not None


@dataclass(frozen=True, slots=True)
class FieldKind:
    """A thing conditions may ask for. `words` is its name in a sentence."""

    words: str
    ops: dict[str, str]
    kind: Kind
    of_event: bool = False
    """Speaks of what happened, and so of nothing when nothing happened."""


_IS = {"is": "is", "is_not": "is not"}
_SAYS = {"contains": "contains", "contains_not": "does not contain"}
_DAYS = {"at_least": "is at least", "less_than": "is less than"}

FIELDS: dict[str, FieldKind] = {
    "status": FieldKind("the status", _IS, "status"),
    "priority": FieldKind("the priority", {**_IS, "at_least": "is at least"}, "priority"),
    "label": FieldKind("the labels", {"has": "include", "has_not": "do not include"}, "label"),
    "milestone": FieldKind("the milestone", _IS, "milestone"),
    "parent": FieldKind("it", {"has": "is a sub-issue", "has_not": "is not a sub-issue"}, "none"),
    "assignee": FieldKind("it", {"is": "is assigned to", "is_not": "is not assigned to"}, "person"),
    "reporter": FieldKind("it", {"is": "was reported by", "is_not": "was not reported by"}, "person"),
    "kind": FieldKind("it", {"is": "is", "is_not": "is not"}, "kind"),
    "title": FieldKind("the title", _SAYS, "text"),
    "description": FieldKind("the description", _SAYS, "text"),
    "comment": FieldKind("the comment", _SAYS, "text", of_event=True),
    "actor": FieldKind("who did it", _IS, "person", of_event=True),
    "actor_role": FieldKind("the role of who did it", _IS, "role", of_event=True),
    "actor_kind": FieldKind("what did it", _IS, "doer", of_event=True),
    "fact": FieldKind("the event’s", {**_IS, **_SAYS}, "text", of_event=True),
    "age": FieldKind("its age in days", _DAYS, "days"),
    "since_change": FieldKind("the number of days since the change before", _DAYS, "days"),
    "since_status": FieldKind("the number of days since its status changed", _DAYS, "days"),
    "since_assigned": FieldKind("the number of days since it was assigned", _DAYS, "days"),
    "comments": FieldKind("the number of comments", _DAYS, "number"),
    "labels": FieldKind("the number of labels", _DAYS, "number"),
}


@dataclass(frozen=True, slots=True)
class StepKind:
    """A thing rules may do."""

    words: str
    kind: Kind
    has_text: bool = False
    has_title: bool = False
    effect: str | None = None
    """The action its effect is recorded as; what moves do depends on the step."""


STEPS: dict[str, StepKind] = {
    "assign": StepKind("assign it to", "person", effect="assigned"),
    "unassign": StepKind("take it from", "person", effect="unassigned"),
    "add_label": StepKind("add the label", "label", effect="labeled"),
    "remove_label": StepKind("remove the label", "label", effect="unlabeled"),
    "move": StepKind("take a step of the workflow", "step", has_text=True),
    "priority": StepKind("set the priority to", "priority", effect="priority_changed"),
    "milestone": StepKind("set the milestone to", "milestone", effect="milestone_changed"),
    "comment": StepKind("comment", "none", has_text=True, effect="commented"),
    "notify": StepKind("tell", "people"),
    "create": StepKind("open a sub-issue", "none", has_text=True, has_title=True, effect="created"),
    "webhook": StepKind("send it to the webhook", "webhook", effect="webhook_called"),
}

STATUS_VALUES = {
    "unfinished": "not finished",
    "finished": "resolved or closed",
    "open": "open",
    "in_progress": "in progress",
    "resolved": "resolved",
    "closed": "closed",
    "reopened": "reopened",
}
FINISHED = frozenset({"resolved", "closed"})
STATUS_SETS = {"unfinished": frozenset({"open", "in_progress", "reopened"}), "finished": FINISHED}
PRIORITY_VALUES = {"urgent": "urgent", "high": "high", "medium": "medium", "low": "low", "none": "none"}
KIND_VALUES = {"issue": "an issue", "pull_request": "a pull request"}
ROLE_VALUES = {"lead": "lead", "member": "member", "viewer": "viewer", "outsider": "outside the project"}
DOER_VALUES = {
    "person": "a person",
    "program": "a program of a person",
    "rule": "a rule",
    "sync": "external sync",
    "email": "a mail",
    "system": "Tidings itself",
}
STEP_VALUES = {
    "start": "start work on it",
    "stop": "stop work on it",
    "resolve": "resolve it",
    "close": "close it",
    "reopen": "reopen it",
}

NO_MILESTONE = "@none"
"""In place of the name of a milestone."""
NOBODY, ACTOR, REPORTER, ASSIGNEES, LEADS, EVERYBODY = (
    "@nobody",
    "@actor",
    "@reporter",
    "@assignees",
    "@leads",
    "@everybody",
)
SPECIAL = {
    NOBODY: "nobody",
    ACTOR: "who did it",
    REPORTER: "who reported it",
    ASSIGNEES: "those it is assigned to",
    LEADS: "the leads of the project",
    EVERYBODY: "everybody who has it",
}
"""Values in place of a username."""
PEOPLE_OF: dict[str, tuple[str, ...]] = {
    "assignee": (NOBODY,),
    "reporter": (),
    "actor": (REPORTER,),
    "assign": (ACTOR, REPORTER),
    "unassign": (EVERYBODY, ACTOR),
    "notify": (ASSIGNEES, REPORTER, LEADS),
}
"""Field or step -> what may stand there besides a username."""

TRIGGERS: dict[str, type[Action]] = {
    kind.name: kind
    for kind in ACTIONS.values()
    if kind.subject is Subject.issue
    and kind.shown
    and kind.family is not Family.rules
    and kind is not Deleted
}
"""The actions that may set a rule off. What rules themselves record is not among them, nor what ends all acts."""
TRIGGER_WORDS = {
    "created": "an issue is opened",
    "title_changed": "the title is changed",
    "description_changed": "the description is changed",
    "status_changed": "work is started, stopped or finished (resolved)",
    "closed": "an issue is closed",
    "reopened": "an issue is reopened",
    "restored": "a deleted issue is brought back",
    "assigned": "somebody is assigned",
    "unassigned": "somebody is unassigned",
    "priority_changed": "the priority is changed",
    "labeled": "a label is added",
    "unlabeled": "a label is removed",
    "milestone_changed": "it is put into a milestone or taken out",
    "parent_changed": "it becomes a sub-issue, or is none any more",
    "child_added": "it gets a sub-issue",
    "child_removed": "a sub-issue of it is taken away",
    "commented": "somebody comments",
    "comment_edited": "a comment is edited",
    "comment_deleted": "a comment is removed",
    "external_link_asked": "somebody asks for a link to another tracker",
    "external_linked": "it is linked to another tracker",
    "external_unlinked": "its link to another tracker is taken away",
    "external_changed": "it is changed in another tracker",
    "sync_conflicted": "two trackers disagree about it",
}
FAMILY_WORDS = {
    Family.content: "an issue is opened or rewritten",
    Family.status: "the status changes in any way",
    Family.people: "its people change",
    Family.planning: "its labels, priority, milestone or sub-issues change",
    Family.discussion: "anything is said",
    Family.external: "anything comes from another tracker",
}


def actions_of(when: When) -> frozenset[str]:
    """The names of the actions that set the rule off, families taken apart."""
    return frozenset(
        name for name, kind in TRIGGERS.items() if name in when.actions or kind.family.value in when.actions
    )


def trigger_words(name: str) -> str:
    """An action or a family in words, for those that came later than the list too."""
    if name in TRIGGER_WORDS:
        return TRIGGER_WORDS[name]
    for family, words in FAMILY_WORDS.items():
        if family.value == name:
            return words
    return f"“{name.replace('_', ' ')}” happens"


def facts_of(names: frozenset[str]) -> list[str]:
    """The facts that events of these actions carry, as conditions may name them."""
    found = {field.alias or key for name in names for key, field in TRIGGERS[name].model_fields.items()}
    return sorted(found - {"sha256", "comment_id", "version", "now"})
