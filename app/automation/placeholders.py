"""Words in braces that a rule's texts may hold, and what they become.

The texts of a rule are rendered when it is saved; when it acts, only the values are put in. So no Markdown runs inside
a transaction, and what somebody wrote into a title can neither mention people nor become markup.
"""

import re
from html import escape

NAMES = {
    "key": "the key of the issue, like ORC-12",
    "title": "its title",
    "status": "its status",
    "priority": "its priority",
    "milestone": "the name of its milestone",
    "parent": "the key of the issue it is a sub-issue of",
    "actor": "who set the rule off",
    "reporter": "who reported the issue",
    "project": "the name of the project",
    "rule": "the name of the rule",
}
_HOLE = re.compile(r"\{([a-z]{1,20})\}")
_MARKUP = re.compile(r"([\\`*_\[\]<>#@&|~])")


def unknown_in(text: str) -> str | None:
    """The first word in braces that stands for nothing."""
    return next((name for name in _HOLE.findall(text) if name not in NAMES), None)


def fill(text: str, values: dict[str, str]) -> str:
    """Plain text, for titles and reasons."""
    return _HOLE.sub(lambda found: values.get(found[1], found[0]), text)


def fill_markdown(source: str, values: dict[str, str]) -> str:
    """Markdown, the values as the plain words they are."""
    return fill(source, {name: _MARKUP.sub(r"\\\1", value) for name, value in values.items()})


def fill_html(html: str, values: dict[str, str]) -> str:
    """HTML, the values escaped."""
    return fill(html, {name: escape(value) for name, value in values.items()})
