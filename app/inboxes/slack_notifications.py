"""Tells a channel in Slack what happens in a project: its own, or that of the installation for public projects.

A channel is called by one at a time, in the order of the events, at most once a second, and not at all while Slack
asks for patience. When more than FOLD wait they are told in one message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import ClassVar

from flask import current_app
from sqlalchemy import select

from app.config import Settings
from app.db import db
from app.events.action import Action, Subject
from app.events.issue_actions import Commented, Deleted
from app.inboxes import slack_turns
from app.inboxes.base import Decision, Happening, Inbox, MaybeSent, NotYet, Target, Undeliverable
from app.inboxes.happenings import load_happenings
from app.inboxes.slack_turns import Told
from app.issues.comment import Comment
from app.sealing import Unsealable, unseal
from app.slack import calling, mrkdwn
from app.slack.channel import FAMILIES, INSTANCE, USUAL, SlackChannel, channel_of, instance_channel

FOLD = 20
"""More than this many waiting for a channel become one message."""
LISTED = 15
"""Lines of such a message; the rest is a number."""
ROBOTS = {"sync": "External sync", "rule": "Automation", "import": "Import", "email": "Mail"}


@dataclass(frozen=True, slots=True)
class _Channel:
    """Where to tell, as far as it concerns one event."""

    name: str
    receiver: str
    families: Sequence[str]
    broken: str | None


class SlackNotifications(Inbox):
    """One message in one channel."""

    name: ClassVar[str] = "slack_notifications"
    title: ClassVar[str] = "Slack"
    description: ClassVar[str] = "Tells a project's channel, or that of the installation, what happens."
    icon: ClassVar[str] = "slack"
    tells_people: ClassVar[bool] = True
    queue: ClassVar[str] = "webhooks"
    outside: ClassVar[bool] = True
    backoff: ClassVar[Sequence[timedelta]] = (
        timedelta(seconds=10),
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(hours=1),
        timedelta(hours=3),
        timedelta(hours=12),
    )

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:
        """Not a deletion: the channel would be told the very title that is out of sight."""
        if action is Deleted:
            return False
        return subject in (Subject.issue, Subject.project) and action.shown and action.family in FAMILIES

    def should_process(self) -> Decision:
        if self.event.quiet:
            return Decision(False, "done quietly")
        if self.channel is None:
            return Decision(False, self._why_none())
        if self.happening.action.family.value not in self.channel.families:
            return Decision(False, f"the channel is not told about {self.happening.action.family.value}")
        if self._was_removed():
            return Decision(False, "the comment was removed")
        return Decision(True, f"told in {self.channel.receiver}")

    def plan(self) -> Sequence[Target]:
        channel = self.channel
        assert channel is not None
        told = Told(
            channel=channel.name,
            event_id=self.event.id,
            project=self.happening.project.name if self.happening.project else "",
            link=self._project_link(),
            text=self.message(),
        )
        return [Target(channel.receiver, told, held=channel.broken)]

    @classmethod
    def send(cls, target: Target) -> str:
        told: Told = target.message
        waiting = slack_turns.take(told)
        try:
            others = _to_fold(told, waiting)
            address = _address(told.channel)
            db.session.rollback()  # nothing is open while we talk to the outside
            text = _folded(told, others) if others else told.text
            calling.post(address, text, allowed=_settings().allowed_outgoing)
        except calling.Busy as busy:
            slack_turns.give_back(told, wait=busy.after, error=str(busy))
            raise NotYet(str(busy), after=busy.after) from busy
        except (calling.Broken, Unsealable) as hopeless:
            slack_turns.give_back(told, error=str(hopeless), broken=True)
            raise Undeliverable(str(hopeless)) from hopeless
        except calling.Unsure as unsure:
            slack_turns.give_back(told, error=str(unsure))
            raise MaybeSent(str(unsure)) from unsure
        except calling.Unwanted as unwanted:
            slack_turns.give_back(told, error=str(unwanted))
            raise Undeliverable(str(unwanted)) from unwanted
        except Exception as error:
            slack_turns.give_back(told, error=str(error))
            raise
        told.folded = [other.delivery_id for other in others]
        return f"told together with {len(others)} others" if others else "told"

    @classmethod
    def sent(cls, target: Target, event_id: int, outcome: str) -> None:  # noqa: ARG003
        told: Told = target.message
        slack_turns.mark_sent(told, receiver=target.name)

    @cached_property
    def channel(self) -> _Channel | None:
        """Where this is told: the project's own channel, or for a public project that of the installation."""
        project = self.happening.project
        if project is None:
            return None
        own = channel_of(project)
        if own is not None:
            receiver = own.title or "the project's channel"
            return _Channel(own.name, receiver, own.families, own.broken)
        if _settings().slack_webhook_url is None or not project.is_public:
            return None
        row = instance_channel()
        return _Channel(INSTANCE, "the installation's channel", USUAL, row.broken if row else None)

    def message(self) -> str:
        """What is told, in Slack's markup."""
        event, issue, project = self.event, self.happening.issue, self.happening.project
        this = ""
        if issue is not None and project is not None:
            key = f"{project.key}-{issue.number}"
            this = mrkdwn.link(
                f"{_settings().base_url}/issues/{key}#event-{event.seq}", f"{key} {issue.title}"
            )
        elif project is not None:
            this = mrkdwn.link(self._project_link(), project.name)
        return mrkdwn.sentence(_actor(self.happening), self.happening.action.line(event.actor_id), this=this)

    def _project_link(self) -> str:
        project = self.happening.project
        return f"{_settings().base_url}/projects/{project.key}/activity" if project else _settings().base_url

    def _why_none(self) -> str:
        if _settings().slack_webhook_url is None:
            return "the project has no channel in Slack"
        return "only public projects are told in the installation's channel"

    def _was_removed(self) -> bool:
        action = self.happening.action
        if not isinstance(action, Commented):
            return False
        gone = db.session.scalar(select(Comment.deleted_at).where(Comment.id == action.comment_id))
        return gone is not None


def _actor(happening: Happening) -> str:
    if happening.actor is not None:
        return happening.actor.name
    return ROBOTS.get(happening.event.actor_kind, "Tidings")


def _to_fold(told: Told, waiting: Sequence[slack_turns.Waiting]) -> list[slack_turns.Waiting]:
    """Of those that wait behind this one, the ones to be told with it: none while they are few."""
    if len(waiting) < FOLD or any(one.state == "processing" for one in waiting):
        return []
    happenings = load_happenings([one.event_id for one in waiting])
    chosen = []
    for one in waiting:
        inbox = SlackNotifications(happenings[one.event_id])
        if inbox.decide().process and inbox.channel and inbox.channel.name == told.channel:
            one.text = inbox.message()
            chosen.append(one)
    return chosen if len(chosen) >= FOLD else []


def _folded(told: Told, others: Sequence[slack_turns.Waiting]) -> str:
    lines = [told.text, *(one.text for one in others)]
    more = len(lines) - LISTED
    where = told.project if told.channel != INSTANCE else "several projects"
    said = [f"*{len(lines)} things happened* in {mrkdwn.link(told.link, where)}"]
    said += ["• " + line.partition("\n")[0] for line in lines[:LISTED]]
    return "\n".join(said + ([f"… and {more} more"] if more > 0 else []))


def _address(name: str) -> str:
    settings = _settings()
    if name == INSTANCE:
        if settings.slack_webhook_url is None:
            raise calling.Broken("SLACK_WEBHOOK_URL is not set any more")
        return settings.slack_webhook_url
    sealed = db.session.scalar(select(SlackChannel.address).where(SlackChannel.name == name))
    if sealed is None:
        raise calling.Broken("The project has no channel in Slack any more")
    return unseal(sealed)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
