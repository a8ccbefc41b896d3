"""The other side of GitHub: somebody who writes there, and the post that brings its signed calls to the product."""

import http.client
import random
import threading
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.outside import LABEL
from tests.support.fake_github import Call, FakeGitHub

NAME = "octocat"


@dataclass
class Did:
    """What was done there: texts of comments by id, numbers of issues that began there, and other changes."""

    comments: dict[int, str] = field(default_factory=dict)
    opened: list[int] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)


class Octocat(threading.Thread):
    """One who comments, opens, closes, reopens and calls things another name on GitHub, until told to stop."""

    def __init__(self, github: FakeGitHub, *, seed: int, pace: tuple[float, float]) -> None:
        super().__init__(name=NAME)
        self.github, self.pace, self.random = github, pace, random.Random(seed)
        self.did = Did()
        self.enough = threading.Event()
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            number = 0
            while not self.enough.wait(self.random.uniform(*self.pace)):
                self._act(number)
                number += 1
        except BaseException as error:  # noqa: BLE001 - shown by whoever joins
            self.failed = error

    def _act(self, number: int) -> None:
        kind = self.random.choice(["comment", "comment", "open", "state", "title"])
        there = sorted(self.github.issues)
        if kind == "open" or not there:
            self.did.opened.append(self.github.open(f"Octocat opens {number}", labels=(LABEL,)))
            return
        issue = self.random.choice(there)
        if kind == "comment":
            text = f"octocat says {number}"
            self.did.comments[self.github.say(issue, text)] = text
        elif kind == "state":
            is_open = self.github.issues[issue]["state"] == "open"
            self.github.edit(issue, state="closed" if is_open else "open")
            self.did.changes["state"] += 1
        else:
            self.github.edit(issue, title=f"Octocat calls it {number}")
            self.did.changes["title"] += 1


class Post(threading.Thread):
    """Brings every call until it is taken, in no order, one in ten of them twice; ends when none is left."""

    def __init__(self, github: FakeGitHub, url: str, *, seed: int) -> None:
        super().__init__(name="post")
        self.github, self.url, self.random = github, url, random.Random(seed)
        self.brought = 0
        self.enough = threading.Event()
        self.failed: BaseException | None = None
        self.idle = threading.Event()
        """Set while everything that was called is brought."""
        self._direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def run(self) -> None:
        try:
            while not self.enough.wait(0.1):
                self._round()
        except BaseException as error:  # noqa: BLE001 - shown by whoever joins
            self.failed = error

    def _round(self) -> None:
        self.idle.clear()
        calls = self.github.take_calls()
        self.random.shuffle(calls)
        for call in calls:
            self._bring(call)
            self.brought += 1
            if self.random.random() < 0.1:
                self._bring(call)
        if not calls:
            self.idle.set()

    def _bring(self, call: Call) -> None:
        while not self._is_taken(call):
            if self.enough.wait(0.2):
                raise AssertionError("told to stop, and the last call was not taken")

    def _is_taken(self, call: Call) -> bool:
        request = urllib.request.Request(self.url, call.body, call.headers)
        try:
            with self._direct.open(request, timeout=30) as answer:
                return bool(answer.status in (200, 202))
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                raise
        except (OSError, http.client.HTTPException):
            pass
        return False
