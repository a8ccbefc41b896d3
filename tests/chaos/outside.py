"""Everything beyond the product's walls: a mail server, a channel in Slack, three webhooks and GitHub, each a real
server on loopback that keeps what it was given. The product reaches them through its one guarded door.
"""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.chaos.clients import TOKEN as FORM_TOKEN
from tests.chaos.clients import Client, Log
from tests.support.fake_github import REPOSITORY, TOKEN, FakeGitHub, fake_github
from tests.support.fake_slack import FakeSlack, fake_slack
from tests.support.house import House, Person
from tests.support.sink import Sink, sink
from tests.support.smtp import Mailbox, mail_server

LABEL = "github"
"""Issues with this label are kept the same on GitHub."""
HEALTHY, CHOOSY, STUMBLING = "/everything", "/talk", "/stumbling"
WANTED = {HEALTHY: ["*"], CHOOSY: ["discussion", "status"], STUMBLING: ["discussion"]}
"""The webhooks: path -> what it is told about. The last one fails at every second message, the first time it comes."""
TOLD_IN_SLACK = "content"
"""What the channel is told: little enough for a message a second, with more than twenty waiting now and then."""
THINKS = 0.03
"""Seconds a receiver takes to say that it has what it took: when a worker dies in them, nobody knows."""


@dataclass(frozen=True)
class Hook:
    """A webhook as it was set up."""

    id: int
    path: str
    secret: str


@dataclass
class Outside:
    """The servers, and what the product calls them."""

    mailbox: Mailbox
    slack: FakeSlack
    hooks: Sink
    github: FakeGitHub
    webhooks: list[Hook] = field(default_factory=list)
    connection: str = ""
    """The address GitHub calls, below that of the house."""

    @property
    def environment(self) -> dict[str, str]:
        """What the product has to know before it starts."""
        return {
            "SMTP_URL": self.mailbox.url,
            "ALLOWED_OUTGOING": "127.0.0.1",
            "GITHUB_API_URL": self.github.api,
        }

    def join(self, house: House, lead: Person) -> None:
        """Set everything up as a lead does, by the API and by forms; return when it is so."""
        house.ok(lead, "POST", "/projects/ORC/labels", {"name": LABEL})
        for path, actions in WANTED.items():
            wanted = {"url": self.hooks.url(path), "actions": actions}
            made = house.ok(lead, "POST", "/projects/ORC/webhooks", wanted)
            self.webhooks.append(Hook(made["id"], path, made["secret"]))
        self.hooks.mode[STUMBLING] = "stumbling"
        window = Client(house, lead, [], Log(), changes=0, seed=0)
        window.sign_in()
        fields = {"address": self.slack.url(), "title": "#orchard", "families": TOLD_IN_SLACK}
        _fill_in(window, "/projects/ORC/settings/slack", fields)
        fields = {"repository": REPOSITORY, "token": TOKEN, "direction": "both", "choice": "label"}
        page = _fill_in(window, "/projects/ORC/settings/sync", fields | {"label": LABEL})
        self.github.secret = _value(page, "secret")
        self.connection = "/sync/github/" + _value(page, "hook").rpartition("/")[2]


@contextmanager
def outside() -> Iterator[Outside]:
    """All of it, ended with the block."""
    with mail_server() as mailbox, fake_slack() as slack, sink() as hooks, fake_github() as github:
        slack.thinks = hooks.thinks = github.thinks = THINKS
        yield Outside(mailbox, slack, hooks, github)


def _fill_in(window: Client, path: str, fields: dict[str, str]) -> str:
    """Send the form that stands on a page; returns the page that follows."""
    token = FORM_TOKEN.search(window.window(path))
    assert token is not None, path
    return window.window(path, {"csrf_token": token[1], **fields})


def _value(page: str, name: str) -> str:
    found = re.search(rf'id="{name}" value="([^"]+)"', page)
    assert found is not None, f"the page shows no {name}: {page[:2000]}"
    return html.unescape(found[1])
