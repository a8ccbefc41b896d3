"""Programs and people that change things and remember exactly what they were told has been saved."""

import http.client
import http.cookiejar
import random
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.house import PASSWORD, Answer, House, Person

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
GIVE_UP_SECONDS = 90.0


@dataclass(frozen=True)
class Act:
    """One change that was saved: its event must be there exactly once. `mark` is a text nobody else wrote."""

    issue: str
    action: str
    mark: str = ""


@dataclass
class Log:
    """What all clients did."""

    acts: list[Act] = field(default_factory=list)
    refused: int = 0
    asked_again: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def saved(self, act: Act) -> None:
        """It is certain now."""
        with self.lock:
            self.acts.append(act)


class Client(threading.Thread):
    """One of many at once. It asks again under the same key until it knows what became of a request."""

    def __init__(
        self, house: House, who: Person, shared: Sequence[str], log: Log, *, changes: int, seed: int
    ) -> None:
        super().__init__(name=who.username)
        self.house, self.who, self.shared, self.log, self.changes = house, who, shared, log, changes
        self.random = random.Random(seed)
        self.own = ""
        self.labels: Sequence[str] = ()
        """Of the issue of their own."""
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            self._open()
            for number in range(self.changes - 1):
                self._change(number)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.failed = error

    def _change(self, number: int) -> None:
        issue = self.random.choice([*self.shared, self.own])
        kind = self.random.choice(["comment", "comment", "page", "step", "step", "title", "priority"])
        if kind == "comment":
            mark = f"{self.name} says {number}"
            self._post(f"/issues/{issue}/comments", {"body": mark})
            self.log.saved(Act(issue, "commented", mark))
        elif kind == "page":
            self._comment_by_page(issue, f"{self.name} writes {number}")
        elif kind == "step":
            self._step(issue)
        elif kind == "title":
            mark = f"{self.name} calls it {number}"
            self._patch({"title": mark})
            self.log.saved(Act(self.own, "title_changed", mark))
        else:
            self._patch(
                {"priority": ("low", "high")[number % 2]}
            )  # its owner's alone, yet it may be so already

    def _open(self) -> None:
        mark = f"{self.name} opens"
        self.own = self._post("/projects/ORC/issues", {"title": mark, "labels": [*self.labels]}).body["key"]
        self.log.saved(Act(self.own, "created", mark))

    def _step(self, issue: str) -> None:
        step = self.random.choice(["start", "resolve", "close", "reopen", "stop"])
        action = {"close": "closed", "reopen": "reopened"}.get(step, "status_changed")
        if self._post(f"/issues/{issue}/status", {"step": step}).status == 409:
            with self.log.lock:
                self.log.refused += 1
        else:
            self.log.saved(Act(issue, action))

    def _post(self, path: str, body: object) -> Answer:
        key = uuid.uuid4().hex
        return self._until_known(lambda: self.house.api(self.who, "POST", path, body, key=key))

    def _patch(self, body: object) -> Answer:
        return self._until_known(lambda: self.house.api(self.who, "PATCH", f"/issues/{self.own}", body))

    def _until_known(self, ask) -> Answer:  # type: ignore[no-untyped-def]
        end = time.monotonic() + GIVE_UP_SECONDS
        while True:
            answer: Answer = ask()
            if 200 <= answer.status < 300 or (answer.status == 409 and "running" not in str(answer.body)):
                return answer
            assert answer.status in (0, 409, 429, 503), answer
            assert time.monotonic() < end, f"no certain answer in {GIVE_UP_SECONDS} s, the last: {answer}"
            with self.log.lock:
                self.log.asked_again += 1
            threading.Event().wait(0.05)

    def _comment_by_page(self, issue: str, mark: str) -> None:
        """By the form, as without scripts. A form has no key: when the answer is lost, the issue is looked at first."""
        end = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < end:
            try:
                page = self.window(f"/issues/{issue}")
                if f"<p>{mark}</p>" not in page:
                    token = TOKEN.search(page)
                    assert token is not None, page[:2000]
                    self.window(f"/issues/{issue}/comments", {"csrf_token": token[1], "body": mark})
                self.log.saved(Act(issue, "commented", mark))
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
            except (OSError, http.client.HTTPException):
                pass
            else:
                return
            with self.log.lock:
                self.log.asked_again += 1
            threading.Event().wait(0.2)
        raise AssertionError(f"{mark} was never certain to be saved")

    def sign_in(self) -> None:
        """Through the door, so that pages can be used."""
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
        token = TOKEN.search(self.window("/sign-in"))
        assert token is not None
        fields = {"csrf_token": token[1], "email": self.who.email, "password": PASSWORD}
        assert "Welcome back" not in self.window("/sign-in", fields)

    def window(self, path: str, fields: dict[str, str] | None = None) -> str:
        data = urllib.parse.urlencode(fields).encode() if fields else None
        with self._opener.open(self.house.url + path, data=data, timeout=30) as answer:
            return str(answer.read().decode())
