"""What an action is: a typed, frozen record of the facts, its words and where it belongs.

Personal text (names, titles, excerpts) is marked `Text`. The event row keeps only a commitment to it; the text itself
stands in `event_texts`, where redaction and erasure may delete it without breaking the chain (decisions §2).
"""

import secrets
import types
from contextlib import suppress
from enum import StrEnum
from functools import cache, lru_cache
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

from app.events.parts import Part

REMOVED = "[removed]"
"""Stands where a text was redacted or its person erased."""


class Subject(StrEnum):
    """What an event is about. Each has its own sequence and its own chain."""

    issue = "issue"
    project = "project"
    user = "user"


class Family(StrEnum):
    """What inboxes, rules and people subscribe to."""

    content = "content"
    status = "status"
    people = "people"
    planning = "planning"
    discussion = "discussion"
    attention = "attention"
    external = "external"
    project = "project"
    rules = "rules"
    admin = "admin"
    security = "security"


class _PersonalText:
    """Marks a field whose value is kept apart from the event row."""


_MARK = _PersonalText()
Text = Annotated[str, Field(max_length=2_000), _MARK]


class Ref(BaseModel):
    """A thing as it was when the event was recorded."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class PersonRef(Ref):
    """A person named in an event."""

    id: int
    username: Text
    name: Text


class LabelRef(Ref):
    """A label named in an event, with its colour."""

    id: int
    name: Text
    color: str


class MilestoneRef(Ref):
    """A milestone named in an event."""

    id: int
    name: Text


class IssueRef(Ref):
    """Another issue named in an event."""

    id: int
    key: str
    title: Text


class Action(BaseModel):
    """One kind of fact. A subclass names its fields and says itself in words."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    subject: ClassVar[Subject]
    name: ClassVar[str]
    family: ClassVar[Family]
    icon: ClassVar[str]
    shown: ClassVar[bool] = True
    """False: recorded, counted and audited, but not a line of a feed."""
    beside: ClassVar[bool] = False
    """A line of its own issue's page only: feeds over many issues have the other side of the same act."""
    small: ClassVar[bool] = True
    """May be folded with its neighbours of the same actor. Status moves and words people wrote never are."""
    schema_number: ClassVar[int] = 1
    """Raised when the fields change their meaning; old events keep theirs."""

    def line(self, by: int | None) -> list[Part]:
        """The sentence after the actor's name; `by` is the actor's user id, None when it was no person."""
        raise NotImplementedError(f"{type(self).__name__} has no words")

    def glyph(self) -> str:
        """The icon, where it depends on the facts."""
        return self.icon


def split(action: Action) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    """The facts with a commitment in place of each personal text, and the texts: field -> (salt, text)."""
    facts = action.model_dump(by_alias=True, mode="json", exclude_none=True)
    texts: dict[str, tuple[str, str]] = {}
    for path in text_paths(type(action)):
        _commit(facts, path, "", texts)
    return facts, texts


def join(kind: type[Action], facts: dict[str, Any], texts: dict[str, str]) -> Action:
    """The action as it was recorded; a text that is gone reads REMOVED."""
    if not texts:
        with suppress(TypeError):  # facts that hold lists, or commitments to texts
            return _wordless(kind, tuple(facts.items()))
    restored = dict(facts)
    for path in text_paths(kind):
        _restore(restored, path, "", texts)
    return kind.model_validate(restored)


@lru_cache(2_048)
def _wordless(kind: type[Action], facts: tuple[tuple[str, Any], ...]) -> Action:
    """Made of enum values and numbers alone, as most moves are: few different ones, and none of them changes."""
    return kind.model_validate(dict(facts))


def commitment(salt: str, text: str) -> str:
    """What the event row keeps of a text: nobody can guess it back without the salt, and nobody can change it."""
    return sha256(bytes.fromhex(salt) + text.encode()).hexdigest()


@cache
def text_paths(kind: type[BaseModel]) -> tuple[tuple[str, ...], ...]:
    """Where personal text stands in this class: ("title",), ("labels", "*", "name") …"""
    paths: list[tuple[str, ...]] = []
    for name, field in kind.model_fields.items():
        key = field.alias or name
        if any(mark is _MARK for mark in field.metadata) or _is_text(field.annotation):
            paths.append((key,))
        for inner, star in _models_in(field.annotation):
            paths += [(key, *star, *path) for path in text_paths(inner)]
    return tuple(paths)


def _is_text(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return any(mark is _MARK for mark in get_args(annotation)[1:])
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_is_text(choice) for choice in get_args(annotation))
    return False


def _models_in(annotation: Any) -> list[tuple[type[BaseModel], tuple[str, ...]]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, ())]
    star = ("*",) if get_origin(annotation) in (list, tuple) else ()
    return [
        (model, star + rest)
        for argument in get_args(annotation)
        if argument is not Ellipsis
        for model, rest in _models_in(argument)
    ]


def _commit(node: Any, path: tuple[str, ...], place: str, texts: dict[str, tuple[str, str]]) -> None:
    head, *rest = path
    if head == "*":
        for number, item in enumerate(node):
            _commit(item, tuple(rest), f"{place}.{number}", texts)
    elif head in node:
        here = f"{place}.{head}" if place else head
        if rest:
            _commit(node[head], tuple(rest), here, texts)
        else:
            salt, words = secrets.token_hex(16), node[head]
            texts[here] = (salt, words)
            node[head] = {"sha256": commitment(salt, words)}


def _restore(node: Any, path: tuple[str, ...], place: str, texts: dict[str, str]) -> None:
    head, *rest = path
    if head == "*":
        for number in range(len(node)):
            node[number] = dict(node[number])
            _restore(node[number], tuple(rest), f"{place}.{number}", texts)
    elif head in node:
        here = f"{place}.{head}" if place else head
        if rest:
            node[head] = list(node[head]) if isinstance(node[head], list) else dict(node[head])
            _restore(node[head], tuple(rest), here, texts)
        else:
            node[head] = texts.get(here, REMOVED)
