"""GitHub's REST API, as much of it as keeping issues the same needs. Every call is one request through the one door.

What GitHub says is sorted into five kinds, each with words for people. The token stands in no text.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from app import clock, http
from app.sync.payload import Garbage, RemoteComment, RemoteIssue, read_comment, read_issue

PATIENCE = timedelta(minutes=1)
"""The wait when a limit is reached and GitHub does not say for how long."""
LONGEST = timedelta(hours=2)
PAGE = 50
MOST_PAGES = 20
"""Pages of a list in which a lost answer is looked for."""
EARLIER = timedelta(minutes=5)
"""Their clock and ours may differ by this much."""
MOST = 16 * 1024 * 1024
"""Bytes of a page of issues."""


class Failed(Exception):
    """It did not work this time."""


class Limited(Exception):
    """A limit is reached; `after` says how long to leave GitHub alone."""

    def __init__(self, words: str, after: timedelta) -> None:
        super().__init__(words)
        self.after = after


class Refused(Exception):
    """Nothing will work until somebody does something: the token, the repository."""


class Gone(Exception):
    """This one issue or comment is not there (any more)."""


class Rejected(Exception):
    """GitHub does not take what we sent."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: what stands on it, the path of the next, its tag. `same`: unchanged since the tag given."""

    items: list[dict[str, Any]]
    following: str | None
    etag: str | None
    same: bool = False


@dataclass(frozen=True, slots=True)
class GitHub:
    """One repository with a token."""

    api: str
    repository: str
    token: str
    allowed: Sequence[str] = ()
    before: Callable[[], None] = lambda: None
    """Called before each request."""

    def about(self) -> dict[str, Any]:
        """The repository itself: proves that the token is good for it."""
        try:
            found = self._ask("GET", "")
        except Gone:
            raise Refused(
                f"GitHub shows this token no repository {self.repository}: it does not exist, was moved, or is private"
            ) from None
        if found.get("has_issues") is False:
            raise Refused(f"{self.repository} has its issues switched off")
        return found

    def issue(self, number: int) -> RemoteIssue:
        return read_issue(self._ask("GET", f"/issues/{number}"))

    def create_issue(self, fields: dict[str, Any]) -> RemoteIssue:
        return read_issue(self._ask("POST", "/issues", fields))

    def change_issue(self, number: int, fields: dict[str, Any]) -> RemoteIssue:
        return read_issue(self._ask("PATCH", f"/issues/{number}", fields))

    def comment(self, comment_id: int) -> RemoteComment:
        return read_comment(self._ask("GET", f"/issues/comments/{comment_id}"))

    def create_comment(self, number: int, body: str) -> RemoteComment:
        return read_comment(self._ask("POST", f"/issues/{number}/comments", {"body": body}))

    def change_comment(self, comment_id: int, body: str) -> RemoteComment:
        return read_comment(self._ask("PATCH", f"/issues/comments/{comment_id}", {"body": body}))

    def delete_comment(self, comment_id: int) -> None:
        self._ask("DELETE", f"/issues/comments/{comment_id}")

    def issues_since(self, since: datetime, *, etag: str | None = None) -> Page:
        """The first page of the issues changed since then, the oldest change first."""
        path = f"/issues?state=all&sort=updated&direction=asc&per_page={PAGE}&since={_written(since)}"
        return self._list(path, etag)

    def comments_since(self, since: datetime, *, number: int | None = None) -> Page:
        """The first page of the comments changed since then, on one issue or on all."""
        place = f"/issues/{number}/comments?" if number else "/issues/comments?sort=updated&direction=asc&"
        return self._list(f"{place}per_page={PAGE}&since={_written(since)}", None)

    def next_page(self, page: Page) -> Page | None:
        """The page that follows."""
        return self._list(page.following, None) if page.following else None

    def _list(self, path: str, etag: str | None) -> Page:
        answer = self._call("GET", path, None, {"If-None-Match": etag} if etag else {})
        if answer.status == 304:
            return Page([], None, etag, same=True)
        items = _json(answer)
        if not isinstance(items, list):
            raise Failed("GitHub did not answer with a list")
        return Page(items, self._following(answer.headers.get("link", "")), answer.headers.get("etag"))

    def _ask(self, method: str, path: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._call(method, path, fields, {})
        if answer.status == 204:
            return {}
        found = _json(answer)
        if not isinstance(found, dict):
            raise Failed("GitHub did not answer as it should")
        return found

    def _call(
        self, method: str, path: str, fields: dict[str, Any] | None, more: dict[str, str]
    ) -> http.Answer:
        self.before()
        url = path if path.startswith("http") else f"{self.api}/repos/{self.repository}{path}"
        try:
            answer = http.request(
                method,
                url,
                headers={
                    "Accept": "application/vnd.github+json",
                    "Authorization": f"Bearer {self.token}",
                    "Content-Type": "application/json",
                    "X-GitHub-Api-Version": "2022-11-28",
                    **more,
                },
                body=json.dumps(fields).encode() if fields is not None else None,
                allowed=self.allowed,
                most=MOST,
            )
        except http.AddressRefused as refusal:
            raise Refused(f"GITHUB_API_URL may not be called: {refusal}") from refusal
        except http.Unreachable as error:
            raise Failed(f"GitHub could not be reached: {error}") from error
        _judge(answer)
        return answer

    def _following(self, header: str) -> str | None:
        """The next page by the Link header; a page on another host is none: the token goes nowhere else."""
        for part in header.split(","):
            address, _, rel = part.partition(";")
            url = address.strip().strip("<>")
            if 'rel="next"' in rel and urlsplit(url).netloc == urlsplit(self.api).netloc:
                return url
        return None


def _judge(answer: http.Answer) -> None:
    """Raise what the status means. 200 to 299 and 304 are fine."""
    if answer.status < 300 or answer.status == 304:
        return
    said = _message(answer)
    if answer.status in (403, 429) and (wait := _limit(answer, said)):
        raise Limited(f"GitHub's limit is reached ({said or answer.status})", wait)
    if answer.status == 401:
        raise Refused("GitHub no longer accepts the token: it was revoked or has expired. Enter a new one")
    if answer.status == 403:
        raise Refused(f"The token may not do this: {said or 'GitHub forbids it'}")
    if answer.status in (301, 302, 307, 308, 404, 410):
        raise Gone("It was deleted, or moved to another repository")
    if answer.status in (400, 409, 422):
        raise Rejected(f"GitHub did not take it: {said or answer.status}")
    raise Failed(f"GitHub answered {answer.status}")


def _limit(answer: http.Answer, said: str) -> timedelta | None:
    """How long to wait, when it is a limit that was reached."""
    after, reset = answer.headers.get("retry-after", ""), answer.headers.get("x-ratelimit-reset", "")
    if after.isascii() and after.isdigit():
        wait = timedelta(seconds=int(after[:6]))
    elif answer.headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
        wait = datetime.fromtimestamp(int(reset[:11]), UTC) - clock.now()
    elif answer.status == 429 or "rate limit" in said.lower():
        wait = PATIENCE
    else:
        return None
    return min(max(wait, timedelta(seconds=1)), LONGEST)


def _message(answer: http.Answer) -> str:
    try:
        found = json.loads(answer.body)
        return " ".join(str(found["message"]).split())[:150]
    except (ValueError, KeyError, TypeError):
        return ""


def _json(answer: http.Answer) -> Any:
    if answer.truncated:
        raise Failed("GitHub's answer is too long")
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Failed("What answered is not GitHub: it did not speak JSON") from None


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


__all__ = ["Failed", "Garbage", "GitHub", "Gone", "Limited", "Page", "Refused", "Rejected"]
