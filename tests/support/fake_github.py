"""GitHub as far as issues go, on loopback: a REST server with a memory, limits, pages, tags, and calls of its own.

It answers as the documentation says: 401 for an unknown token, 404 for an unknown repository, 410 for a deleted issue,
422 for what is not valid, Link headers, ETags, times in whole seconds. `next_answers` are used up before all that.
What happens in it is kept as signed calls in `calls`; a test has them delivered, in any order and any number of times.
"""

import hmac
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app import clock

TOKEN = "github_pat_good"
REPOSITORY = "octo/orchard"


@dataclass
class Says:
    """An answer in place of the usual one. `after`: what was asked is done first, and then its answer is lost."""

    status: int
    body: str = '{"message": "told to"}'
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    only: str = ""
    """Only for requests of this method."""


@dataclass(frozen=True)
class Call:
    """A call of GitHub's to a webhook."""

    headers: dict[str, str]
    body: bytes


@dataclass
class FakeGitHub:
    """One repository. Issues and comments are kept as GitHub shows them."""

    port: int
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    next_answers: list[Says] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    secret: str = ""
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    login: str = "tidings-bot"
    now: Callable[[], datetime] = clock.now
    not_modified: int = 0
    idle: list[str] = field(default_factory=list)
    """What was changed to what it was already: the path of each such request."""
    thinks: float = 0.0
    """Seconds from doing what was asked to saying so."""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _ids: int = 1000

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def writes(self) -> list[tuple[str, str]]:
        """What we changed there."""
        return [one for one in self.requests if one[0] != "GET"]

    def open(self, title: str, *, by: str = "octocat", body: str = "", labels: tuple[str, ...] = ()) -> int:
        """Somebody opens an issue."""
        with self._lock:
            fields = {"title": title, "body": body, "labels": list(labels)}
            return self._create(fields, by)["number"]  # type: ignore[no-any-return]

    def edit(self, number: int, *, by: str = "octocat", **fields: Any) -> None:
        """Somebody changes an issue: title, body, state, labels, assignees."""
        with self._lock:
            self._change(number, fields, by)

    def say(self, number: int, body: str, *, by: str = "octocat") -> int:
        """Somebody comments."""
        with self._lock:
            return self._comment(number, body, by)["id"]  # type: ignore[no-any-return]

    def reword(self, comment_id: int, body: str, *, by: str = "octocat") -> None:
        """Somebody edits a comment."""
        with self._lock:
            self._reword(comment_id, body, by)

    def unsay(self, comment_id: int, *, by: str = "octocat") -> None:
        """Somebody deletes a comment."""
        with self._lock:
            comment = self.comments.pop(comment_id)
            number = int(comment["issue_url"].rpartition("/")[2])
            self._call("issue_comment", "deleted", by, issue=self.issues[number], comment=comment)

    def delete(self, number: int) -> None:
        """Somebody deletes an issue."""
        with self._lock:
            issue = self.issues.pop(number)
            self.gone.add(number)
            self._call("issues", "deleted", "octocat", issue=issue)

    def comments_of(self, number: int) -> list[dict[str, Any]]:
        """The comments of an issue, oldest first."""
        return [one for one in self.comments.values() if one["issue_url"].endswith(f"/{number}")]

    def take_calls(self) -> list[Call]:
        """The calls that are to be delivered; they are forgotten here."""
        with self._lock:
            calls, self.calls = self.calls, []
            return calls

    def handle(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], str]:
        with self._lock:
            self.requests.append((method, target))
            said = next((one for one in self.next_answers if one.only in ("", method)), None)
            if said is not None:
                self.next_answers.remove(said)
                if not said.after:
                    return said.status, said.headers, said.body
            answer = self._answer(method, target, headers, body)
            return answer if said is None else (said.status, said.headers, said.body)

    def _answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], str]:
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _json(401, {"message": "Bad credentials"})
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        start = f"/repos/{REPOSITORY}"
        if not path.startswith(start):
            return _json(404, {"message": "Not Found"})
        fields = json.loads(body) if body else {}
        for wanted, pattern, work in self._routes():
            found = re.fullmatch(pattern, path.removeprefix(start))
            if found and wanted == method:
                return work(found, fields, query, headers)  # type: ignore[no-any-return]
        return _json(404, {"message": "Not Found"})

    def _routes(self) -> list[tuple[str, str, Any]]:
        return [
            ("GET", "", lambda m, f, q, h: _json(200, {"full_name": REPOSITORY, "has_issues": True})),
            ("GET", "/issues", lambda m, f, q, h: self._list(list(self.issues.values()), "/issues", q, h)),
            ("POST", "/issues", lambda m, f, q, h: self._post_issue(f)),
            ("GET", r"/issues/(\d+)", lambda m, f, q, h: self._one(int(m[1]))),
            ("PATCH", r"/issues/(\d+)", lambda m, f, q, h: self._one(int(m[1]), f)),
            ("GET", r"/issues/(\d+)/comments", lambda m, f, q, h: self._of_issue(int(m[1]), q, h)),
            ("POST", r"/issues/(\d+)/comments", lambda m, f, q, h: self._post_comment(int(m[1]), f)),
            ("GET", "/issues/comments", lambda m, f, q, h: self._all_comments(q, h)),
            ("GET", r"/issues/comments/(\d+)", lambda m, f, q, h: self._one_comment(int(m[1]))),
            ("PATCH", r"/issues/comments/(\d+)", lambda m, f, q, h: self._one_comment(int(m[1]), f)),
            ("DELETE", r"/issues/comments/(\d+)", lambda m, f, q, h: self._remove_comment(int(m[1]))),
        ]

    def _list(
        self, items: list[dict[str, Any]], path: str, query: dict[str, list[str]], headers: Any
    ) -> tuple[int, dict[str, str], str]:
        since = query.get("since", [""])[0]
        found = [one for one in items if one["updated_at"] >= since]
        found.sort(key=lambda one: (one["updated_at"], one["id"]))
        size, page = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
        shown = found[(page - 1) * size : page * size]
        more: dict[str, str] = {}
        if page * size < len(found):
            url = f"{self.api}/repos/{REPOSITORY}{path}?per_page={size}&since={since}&page={page + 1}"
            more["Link"] = f'<{url}>; rel="next", <{url}>; rel="last"'
        body = json.dumps(shown)
        more["ETag"] = f'W/"{sha256(body.encode()).hexdigest()}"'
        if headers.get("If-None-Match") == more["ETag"]:
            self.not_modified += 1
            return 304, more, ""
        return 200, more, body

    def _of_issue(self, number: int, query: Any, headers: Any) -> tuple[int, dict[str, str], str]:
        return self._list(self.comments_of(number), f"/issues/{number}/comments", query, headers)

    def _all_comments(self, query: Any, headers: Any) -> tuple[int, dict[str, str], str]:
        return self._list(list(self.comments.values()), "/issues/comments", query, headers)

    def _one(self, number: int, fields: dict[str, Any] | None = None) -> tuple[int, dict[str, str], str]:
        if number in self.gone:
            return _json(410, {"message": "This issue was deleted"})
        if number not in self.issues:
            return _json(404, {"message": "Not Found"})
        if fields is not None:
            before = _timeless(self.issues[number])
            self._change(number, fields, self.login)
            if _timeless(self.issues[number]) == before:
                self.idle.append(f"/issues/{number}")
        return _json(200, self.issues[number])

    def _post_issue(self, fields: dict[str, Any]) -> tuple[int, dict[str, str], str]:
        if not fields.get("title") or len(fields["title"]) > 256 or len(fields.get("body") or "") > 65_536:
            return _json(422, {"message": "Validation Failed"})
        return _json(201, self._create(fields, self.login))

    def _post_comment(self, number: int, fields: dict[str, Any]) -> tuple[int, dict[str, str], str]:
        if number not in self.issues:
            return _json(410 if number in self.gone else 404, {"message": "Not Found"})
        if not fields.get("body") or len(fields["body"]) > 65_536:
            return _json(422, {"message": "Validation Failed"})
        return _json(201, self._comment(number, fields["body"], self.login))

    def _one_comment(
        self, comment_id: int, fields: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, str], str]:
        if comment_id not in self.comments:
            return _json(404, {"message": "Not Found"})
        if fields is not None:
            self._reword(comment_id, fields["body"], self.login)
        return _json(200, self.comments[comment_id])

    def _remove_comment(self, comment_id: int) -> tuple[int, dict[str, str], str]:
        if comment_id not in self.comments:
            return _json(404, {"message": "Not Found"})
        self.unsay(comment_id, by=self.login)
        return 204, {}, ""

    def _create(self, fields: dict[str, Any], by: str) -> dict[str, Any]:
        number = max([*self.issues, *self.gone, 0]) + 1
        self._ids += 1
        issue = self.issues[number] = {
            "id": self._ids,
            "number": number,
            "title": fields["title"],
            "body": fields.get("body"),
            "state": "open",
            "state_reason": None,
            "labels": [{"name": name, "color": "ededed"} for name in fields.get("labels", ())],
            "assignees": [{"login": login} for login in fields.get("assignees", ())],
            "user": {"login": by},
            "html_url": f"https://github.com/{REPOSITORY}/issues/{number}",
            "created_at": self._time(),
            "updated_at": self._time(),
        }
        self._call("issues", "opened", by, issue=issue)
        return issue

    def _change(self, number: int, fields: dict[str, Any], by: str) -> None:
        issue = self.issues[number]
        for name, value in fields.items():
            if name == "labels":
                issue["labels"] = [{"name": one, "color": "ededed"} for one in value]
            elif name == "assignees":
                issue["assignees"] = [{"login": one} for one in value]
            else:
                issue[name] = value
        if "state" in fields and "state_reason" not in fields:
            issue["state_reason"] = "completed" if fields["state"] == "closed" else "reopened"
        issue["updated_at"] = self._time()
        action = {"closed": "closed", "open": "reopened"}.get(fields.get("state", ""), "edited")
        self._call("issues", "labeled" if "labels" in fields else action, by, issue=issue)

    def _comment(self, number: int, body: str, by: str) -> dict[str, Any]:
        self._ids += 1
        comment = self.comments[self._ids] = {
            "id": self._ids,
            "body": body,
            "user": {"login": by},
            "issue_url": f"{self.api}/repos/{REPOSITORY}/issues/{number}",
            "html_url": f"https://github.com/{REPOSITORY}/issues/{number}#issuecomment-{self._ids}",
            "created_at": self._time(),
            "updated_at": self._time(),
        }
        self.issues[number]["updated_at"] = self._time()
        self._call("issue_comment", "created", by, issue=self.issues[number], comment=comment)
        return comment

    def _reword(self, comment_id: int, body: str, by: str) -> None:
        comment = self.comments[comment_id]
        comment["body"], comment["updated_at"] = body, self._time()
        number = int(comment["issue_url"].rpartition("/")[2])
        self._call("issue_comment", "edited", by, issue=self.issues[number], comment=comment)

    def _time(self) -> str:
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _call(self, kind: str, action: str, by: str, **things: Any) -> None:
        body = json.dumps({"action": action, "sender": {"login": by}, **things}).encode()
        self.calls.append(
            Call(
                {
                    "Content-Type": "application/json",
                    "X-GitHub-Event": kind,
                    "X-GitHub-Delivery": str(uuid.uuid4()),
                    "X-Hub-Signature-256": "sha256="
                    + hmac.new(self.secret.encode(), body, sha256).hexdigest(),
                },
                body,
            )
        )


def _timeless(thing: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in thing.items() if name != "updated_at"}


def _json(status: int, said: Any) -> tuple[int, dict[str, str], str]:
    return status, {}, json.dumps(said)


class _Handler(BaseHTTPRequestHandler):
    github: FakeGitHub

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        status, headers, said = self.github.handle(self.command, self.path, self.headers, body)
        if status == 0:
            self.close_connection = True
            return
        threading.Event().wait(self.github.thinks)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.end_headers()
        self.wfile.write(said.encode())

    do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 - the library's names

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@contextmanager
def fake_github() -> Iterator[FakeGitHub]:
    """A GitHub of one's own, ended afterwards."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        github = handler.github = FakeGitHub(server.server_port)  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield github
        finally:
            server.shutdown()
            thread.join(5)
