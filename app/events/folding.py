"""Folding events: what a subject must look like after all that happened to it.

Works on the facts as they stand in the row, not on action classes: it is asked about millions of events. A
field that no event spoke of, or whose text was redacted, is not compared.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Facts = dict[str, Any]
Texts = dict[str, str]
UNKNOWN = object()
"""The value of a field whose text is gone."""


@dataclass
class Folded:
    """The state after the events so far, and which event said so last."""

    values: dict[str, Any] = field(default_factory=dict)
    by: dict[str, int] = field(default_factory=dict)
    """Field -> seq of the last event that set it."""

    def set(self, name: str, value: Any, seq: int) -> None:
        self.values[name] = value
        self.by[name] = seq

    def add(self, name: str, ids: Any, seq: int) -> None:
        self.set(name, self.values.get(name, frozenset()) | frozenset(ids), seq)

    def remove(self, name: str, ids: Any, seq: int) -> None:
        self.set(name, self.values.get(name, frozenset()) - frozenset(ids), seq)

    def put(self, name: str, key: Any, value: Any, seq: int) -> None:
        """Set one entry of a field that is a mapping."""
        self.values.setdefault(name, {})[key] = value
        self.by[name] = seq


Fold = Callable[[Folded, Facts, Texts, int], None]


def fold(state: Folded, subject: str, action: str, facts: Facts, texts: Texts, seq: int) -> None:
    """Take one more event into account; an action that changes nothing compared is passed over."""
    step = _FOLDS.get((subject, action))
    if step:
        step(state, facts, texts, seq)


def _ids(refs: list[Facts]) -> list[int]:
    return [ref["id"] for ref in refs]


def _text(name: str, to: str) -> Fold:
    def step(state: Folded, _facts: Facts, texts: Texts, seq: int) -> None:
        state.set(name, texts.get(to, UNKNOWN), seq)

    return step


def _value(name: str, to: str) -> Fold:
    def step(state: Folded, facts: Facts, _texts: Texts, seq: int) -> None:
        state.set(name, facts[to], seq)

    return step


def _ref(name: str, to: str) -> Fold:
    """The id of what the fact names, None where it names nothing."""

    def step(state: Folded, facts: Facts, _texts: Texts, seq: int) -> None:
        state.set(name, facts[to]["id"] if facts.get(to) else None, seq)

    return step


def _fixed(name: str, value: object) -> Fold:
    def step(state: Folded, _facts: Facts, _texts: Texts, seq: int) -> None:
        state.set(name, value, seq)

    return step


def _issue_created(state: Folded, facts: Facts, texts: Texts, seq: int) -> None:
    state.set("title", texts.get("title", UNKNOWN), seq)
    if "sha256" in facts:
        state.set("description", facts["sha256"], seq)
    state.set("comment_count", 0, seq)
    state.set("comments", {}, seq)
    state.set("deleted", False, seq)
    for name in ("kind", "priority", "status"):
        state.set(name, facts[name], seq)
    for name in ("labels", "assignees"):
        state.set(name, frozenset(_ids(facts.get(name, []))), seq)
    for name in ("milestone", "parent"):
        _ref(f"{name}_id", name)(state, facts, texts, seq)


def _commented(state: Folded, facts: Facts, _texts: Texts, seq: int) -> None:
    state.set("comment_count", state.values.get("comment_count", 0) + 1, seq)
    _comment(state, facts["comment_id"], (seq, facts["sha256"]), seq)


def _comment_edited(state: Folded, facts: Facts, _texts: Texts, seq: int) -> None:
    first, _ = state.values["comments"][facts["comment_id"]]
    _comment(state, facts["comment_id"], (first, facts["sha256"]), seq)


def _comment_deleted(state: Folded, facts: Facts, _texts: Texts, seq: int) -> None:
    first, _ = state.values["comments"][facts["comment_id"]]
    state.set("comment_count", state.values.get("comment_count", 0) - 1, seq)
    _comment(state, facts["comment_id"], (first, None), seq)


def _comment(state: Folded, comment_id: int, value: tuple[int, str | None], seq: int) -> None:
    """A comment is the number of its `commented` event and the hash of its text, None when it was removed."""
    state.put("comments", comment_id, value, seq)
    state.by[f"comment {comment_id}"] = seq


def _project_created(state: Folded, facts: Facts, texts: Texts, seq: int) -> None:
    state.set("name", texts.get("title", UNKNOWN), seq)
    state.set("key", facts["key"], seq)
    state.set("visibility", facts["visibility"], seq)
    state.set("archived", False, seq)
    state.set("members", {}, seq)


def _member(state: Folded, facts: Facts, _texts: Texts, seq: int) -> None:
    state.put("members", facts["user"]["id"], facts.get("to", facts.get("role")), seq)


def _member_removed(state: Folded, facts: Facts, _texts: Texts, seq: int) -> None:
    members = {who: role for who, role in state.values["members"].items() if who != facts["user"]["id"]}
    state.set("members", members, seq)


def _user_created(state: Folded, facts: Facts, texts: Texts, seq: int) -> None:
    state.set("username", texts.get("user.username", UNKNOWN), seq)
    state.set("name", texts.get("user.name", UNKNOWN), seq)
    state.set("is_admin", facts["admin"], seq)
    state.set("is_active", True, seq)


def _user_erased(state: Folded, _facts: Facts, _texts: Texts, seq: int) -> None:
    """Who it was is not told any more, from this event on: the texts of earlier ones go a little later."""
    state.set("username", UNKNOWN, seq)
    state.set("name", UNKNOWN, seq)


_FOLDS: dict[tuple[str, str], Fold] = {
    ("issue", "created"): _issue_created,
    ("issue", "title_changed"): _text("title", "to"),
    ("issue", "description_changed"): _value("description", "sha256"),
    ("issue", "status_changed"): _value("status", "to"),
    ("issue", "closed"): _value("status", "to"),
    ("issue", "reopened"): _value("status", "to"),
    ("issue", "priority_changed"): _value("priority", "to"),
    ("issue", "assigned"): lambda state, facts, _, seq: state.add("assignees", _ids(facts["assignees"]), seq),
    ("issue", "unassigned"): lambda state, facts, _, seq: state.remove(
        "assignees", _ids(facts["assignees"]), seq
    ),
    ("issue", "labeled"): lambda state, facts, _, seq: state.add("labels", _ids(facts["labels"]), seq),
    ("issue", "unlabeled"): lambda state, facts, _, seq: state.remove("labels", _ids(facts["labels"]), seq),
    ("issue", "milestone_changed"): _ref("milestone_id", "to"),
    ("issue", "parent_changed"): _ref("parent_id", "to"),
    ("issue", "commented"): _commented,
    ("issue", "comment_edited"): _comment_edited,
    ("issue", "comment_deleted"): _comment_deleted,
    ("issue", "deleted"): _fixed("deleted", True),
    ("issue", "restored"): _fixed("deleted", False),
    ("project", "created"): _project_created,
    ("project", "renamed"): _text("name", "to"),
    ("project", "visibility_changed"): _value("visibility", "to"),
    ("project", "archived"): _fixed("archived", True),
    ("project", "unarchived"): _fixed("archived", False),
    ("project", "member_added"): _member,
    ("project", "member_role_changed"): _member,
    ("project", "member_removed"): _member_removed,
    ("user", "user_created"): _user_created,
    ("user", "user_renamed"): _text("name", "to"),
    ("user", "user_deactivated"): _fixed("is_active", False),
    ("user", "user_reactivated"): _fixed("is_active", True),
    ("user", "user_erased"): _user_erased,
    ("user", "role_changed"): lambda state, facts, _, seq: state.set("is_admin", facts["admin"], seq),
}
