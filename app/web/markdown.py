"""Markdown to HTML that cannot harm the page it stands in: CommonMark with tables, strikethrough and tasks.

Raw HTML is shown as text. What comes out carries no id, style, class or data of the writer's; classes are
only those this file gives. Images from elsewhere become links, headings fit below the one they stand under.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

from app.errors import Invalid

LONGEST = 64 * 1024
"""Bytes of UTF-8 a text may have."""
MOST_NAMES = 100
"""Different people, and different issues, one text may name; further ones stay plain text."""
DEEPEST_HEADING = 6
UPLOADS = "/attachments/"
"""Only pictures below this path of ours are shown as pictures."""

Mention = Callable[[str], str | None]
"""username -> the address of the person's page, or None when nobody is called so."""
Reference = Callable[[str | None, int], str | None]
"""(project key, or None for #7; number) -> the address of the issue, or None when there is none to show."""

_MENTION = re.compile(r"(?<![\w@/.+-])@([A-Za-z0-9](?:[A-Za-z0-9._-]{0,38}[A-Za-z0-9_])?)")
_REFERENCE = re.compile(r"(?<![\w/#&.-])(?:([A-Z][A-Z0-9]{1,9})-|#)([1-9][0-9]{0,8})(?![\w-])")
_NAMED = re.compile(f"{_MENTION.pattern}|{_REFERENCE.pattern}")
_CLASS = re.compile(r"mention|reference|task-list-item|contains-task-list|language-[A-Za-z0-9+#-]{1,20}")
_BOX = re.compile(r'<input disabled="" type="checkbox"( checked="")?')

_TAGS = {
    *("p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "ul", "ol", "li"),
    *("strong", "em", "s", "a", "img", "table", "thead", "tbody", "tr", "th", "td", "input"),
}
_ATTRIBUTES = {
    "a": {"href", "title", "rel", "class"},
    "img": {"src", "alt", "title", "loading"},
    "code": {"class"},
    "li": {"class"},
    "ul": {"class"},
    "ol": {"class", "start"},
    "th": {"align"},
    "td": {"align"},
    "input": {"type", "checked", "disabled"},
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """The HTML, and what it names: usernames in lower case, issues as (key or None, number)."""

    html: str
    mentions: tuple[str, ...] = ()
    references: tuple[tuple[str | None, int], ...] = ()


@dataclass(slots=True)
class _Names:
    """What the text names, each asked for once."""

    mention: Mention
    reference: Reference
    people: dict[str, str | None] = field(default_factory=dict)
    issues: dict[tuple[str | None, int], str | None] = field(default_factory=dict)

    def person(self, username: str) -> str | None:
        key = username.lower()
        if key not in self.people and len(self.people) < MOST_NAMES:
            self.people[key] = self.mention(key)
        return self.people.get(key)

    def issue(self, key: str | None, number: int) -> str | None:
        place = (key, number)
        if place not in self.issues and len(self.issues) < MOST_NAMES:
            self.issues[place] = self.reference(key, number)
        return self.issues.get(place)


def nobody(_username: str) -> None:
    """Names no person."""


def nothing(_key: str | None, _number: int) -> None:
    """Names no issue."""


def render_markdown(
    text: str, *, mention: Mention = nobody, reference: Reference = nothing, under: int = 3
) -> Rendered:
    """HTML of `text`, standing below a heading of level `under` (a comment 3, the description of an issue 1).

    Raises Invalid (field `body`) when the text is longer than 64 kB. Takes up to a second for hostile text:
    never call it inside a write transaction.
    """
    if (size := len(text.encode("utf-8", "replace"))) > LONGEST:
        raise Invalid(f"The text has {size:,} bytes; {LONGEST:,} is the most.", field="body")
    names = _Names(mention, reference)
    html = _parser().render(text, {"names": names, "under": under})
    return Rendered(
        html=_clean(html),
        mentions=tuple(name for name, href in names.people.items() if href),
        references=tuple(place for place, href in names.issues.items() if href),
    )


def names_in(text: str) -> tuple[set[str], set[tuple[str | None, int]]]:
    """Usernames and issues the text may name, so that they can be loaded by one query before it is rendered.

    It reads code and links too: more names than in the end count, never fewer.
    """
    people = {match[1].lower() for match in _MENTION.finditer(text)}
    issues = {(match[1], int(match[2])) for match in _REFERENCE.finditer(text)}
    return people, issues


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "tasklists": True})
    parser.enable(["table", "strikethrough"])
    parser.use(gfm_autolink_plugin)
    parser.core.ruler.push("names", _name_people_and_issues)
    parser.core.ruler.push("links", _mark_links)
    parser.core.ruler.push("headings", _fit_headings)
    parser.core.ruler.push("columns", _align_columns)
    parser.add_render_rule("image", _image)
    return parser


def _name_people_and_issues(state: StateCore) -> None:
    """@user, KEY-7 and #7 in plain text become links; code and links are other tokens and stay."""
    for block in state.tokens:
        if block.type != "inline" or not block.children:
            continue
        depth, out = 0, []
        for token in block.children:
            depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            if token.type == "text" and not depth:
                out += _split(token, state.env["names"])
            else:
                out.append(token)
        block.children = out


def _split(token: Token, names: _Names) -> list[Token]:
    out: list[Token] = []
    at = 0
    for match in _NAMED.finditer(token.content):
        username, key, number = match.groups()
        kind = "mention" if username else "reference"
        href = names.person(username) if username else names.issue(key, int(number))
        if href:
            out += [_text(token, token.content[at : match.start()]), *_link(token, match[0], href, kind)]
            at = match.end()
    return [*out, _text(token, token.content[at:])] if out else [token]


def _text(like: Token, content: str) -> Token:
    return Token("text", "", 0, content=content, level=like.level)


def _link(like: Token, content: str, href: str, kind: str) -> list[Token]:
    opening = Token("link_open", "a", 1, attrs={"href": href, "class": kind}, level=like.level)
    return [opening, _text(like, content), Token("link_close", "a", -1, level=like.level)]


def _mark_links(state: StateCore) -> None:
    """Links that leave the site vouch for nothing and learn nothing."""
    for block in state.tokens:
        for token in block.children or ():
            if token.type == "link_open" and not _is_own(str(token.attrs.get("href", ""))):
                token.attrs["rel"] = "noopener nofollow ugc"


def _is_own(href: str) -> bool:
    return href.startswith(("#", "/")) and not href.startswith(("//", "/\\"))


def _fit_headings(state: StateCore) -> None:
    """Headings begin one level below where the text stands, and go down one level at a time."""
    above: list[int] = []
    for token in state.tokens:
        if token.type not in ("heading_open", "heading_close"):
            continue
        level = int(token.tag[1])
        while above and above[-1] > level:
            above.pop()
        if not above or above[-1] < level:
            above.append(level)
        token.tag = f"h{min(state.env['under'] + len(above), DEEPEST_HEADING)}"


def _align_columns(state: StateCore) -> None:
    """The parser writes a style, which our content policy refuses; the old attribute says the same."""
    for token in state.tokens:
        if token.type in ("th_open", "td_open") and (style := token.attrs.pop("style", None)):
            token.attrs["align"] = str(style).removeprefix("text-align:")


def _image(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    src = str(token.attrs.get("src", ""))
    words = (
        renderer.renderInlineAsText(token.children or [], options, env) or src.rsplit("/", 1)[-1] or "picture"
    )
    safe = nh3.clean_text  # escapes for attributes and text alike
    if src.startswith(UPLOADS):
        return f'<img src="{safe(src)}" alt="{safe(words)}" loading="lazy">'
    if any(token.type == "link_open" for token in tokens[:index]) and not _closed(tokens[:index]):
        return _escape(words)
    return f'<a href="{safe(src)}" rel="noopener nofollow ugc">{_escape(words)}</a>'


def _closed(tokens: Sequence[Token]) -> bool:
    opened = sum({"link_open": 1, "link_close": -1}.get(token.type, 0) for token in tokens)
    return opened == 0


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _clean(html: str) -> str:
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_allow,
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
        strip_comments=True,
    )
    clean = _BOX.sub(lambda box: f'{box[0]} aria-label="{"Done" if box[1] else "To do"}"', clean)
    return clean.replace("<pre>", '<pre tabindex="0">').replace(
        "<table>", '<table tabindex="0">'
    )  # they scroll


def _allow(_tag: str, name: str, value: str) -> str | None:
    """Classes are only ours; an input is a task's box that nobody can tick here."""
    match name:
        case "class":
            return " ".join(word for word in value.split() if _CLASS.fullmatch(word)) or None
        case "type":
            return value if value == "checkbox" else None
        case "src":
            return value if value.startswith(UPLOADS) else None
        case _:
            return value
