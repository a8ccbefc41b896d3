"""What GitHub says about issues and comments, read strictly: what is not as documented is refused as a whole."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.sync.marks import clean_text, clean_title, mark_in

LABELS = 100


class Garbage(Exception):
    """Not what GitHub says about an issue."""


@dataclass(frozen=True, slots=True)
class RemoteIssue:
    """An issue there at one moment, its texts clean."""

    number: int
    title: str
    body: str
    state: str
    reason: str | None
    labels: tuple[str, ...]
    assignees: tuple[str, ...]
    """Logins in lower case."""
    author: str
    url: str
    updated_at: datetime
    mark: str | None
    is_pull: bool


@dataclass(frozen=True, slots=True)
class RemoteComment:
    """A comment there at one moment, its text clean."""

    id: int
    number: int
    """Of its issue."""
    body: str
    author: str
    url: str
    updated_at: datetime
    mark: str | None


def read_issue(said: Any) -> RemoteIssue:
    """Raises Garbage."""
    try:
        state = said["state"]
        if state not in ("open", "closed"):
            raise Garbage("An issue that is neither open nor closed")
        return RemoteIssue(
            number=_number(said["number"]),
            title=clean_title(_text(said["title"])),
            body=clean_text(_text(said.get("body") or "")),
            state=state,
            reason=said.get("state_reason"),
            labels=tuple(_label(one) for one in said.get("labels", ())[:LABELS]),
            assignees=tuple(_login(one) for one in said.get("assignees") or ()),
            author=_author(said.get("user")),
            url=_url(said["html_url"]),
            updated_at=_moment(said["updated_at"]),
            mark=mark_in(said.get("body")),
            is_pull="pull_request" in said,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Garbage(f"Not an issue of GitHub: {type(error).__name__} {error}"[:200]) from error


def read_comment(said: Any) -> RemoteComment:
    """Raises Garbage."""
    try:
        return RemoteComment(
            id=_number(said["id"]),
            number=_number(int(said["issue_url"].rpartition("/")[2])),
            body=clean_text(_text(said.get("body") or "")),
            author=_author(said.get("user")),
            url=_url(said["html_url"]),
            updated_at=_moment(said["updated_at"]),
            mark=mark_in(said.get("body")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Garbage(f"Not a comment of GitHub: {type(error).__name__} {error}"[:200]) from error


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**62:
        raise ValueError("not a number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _label(value: Any) -> str:
    return " ".join(_text(value if isinstance(value, str) else value["name"]).split())[:50]


def _login(value: Any) -> str:
    return _text(value["login"]).lower()[:100]


def _author(value: Any) -> str:
    return _text(value["login"])[:100] if value else "ghost"


def _url(value: Any) -> str:
    url = _text(value)
    if not url.startswith(("https://", "http://")) or len(url) > 300 or not url.isprintable():
        raise ValueError("not an address")
    return url


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
