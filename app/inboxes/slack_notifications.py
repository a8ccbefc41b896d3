"""Tells a channel in Slack what happens in a project: its own, or that of the installation for public projects.

A channel is called by one at a time, in the order of the events, at most once a second, and not at all while Slack
asks for patience. When more than FOLD wait they are told in one message, and a bulk act always is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import ClassVar

from flask import current_app
from sqlalchemy import select

from app.config import Settings
from app.db import begin_write, db
from app.events.action import Action, Subject
from app.events.batch import descriptions
from app.events.issue_actions import Commented, Deleted
from app.inboxes import slack_folding, slack_turns
from app.inboxes.base import Decision, Happening, Inbox, MaybeSent, NotYet, Target, Undeliverable
from app.inboxes.happenings import load_happenings
from app.inboxes.slack_turns import Told
from app.issues.comment import Comment
from app.sealing import Unsealable, unseal
from app.slack import calling, mrkdwn
from app.slack import channel as channels
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
            receiver=channel.receiver,
            event_id=self.event.id,
            project=self.happening.project.name if self.happening.project else "",
            link=self._project_link(),
            text=self.message(),
            who=mrkdwn.bold(_actor(self.happening)),
            batch_id=self.event.batch_id,
        )
        return [Target(channel.receiver, told, held=channel.broken)]

    @classmethod
    def send(cls, target: Target) -> str:
        told: Told = target.message
        waiting = slack_turns.take(told)
        try:
            others = _take_along(told, waiting)
            address = _address(told.channel)
            text = _folded(told, others) if others else told.text
            db.session.rollback()  # nothing is open while we talk to the outside
            calling.post(address, text, allowed=_settings().allowed_outgoing)
        except calling.Busy as busy:
            _give_back(told, busy, wait=busy.after)
            raise NotYet(str(busy), after=busy.after) from busy
        except (calling.Broken, Unsealable) as hopeless:
            _give_back(told, hopeless, broken=True)
            raise Undeliverable(str(hopeless)) from hopeless
        except calling.Unsure as unsure:
            _give_back(told, unsure)
            raise MaybeSent(str(unsure)) from unsure
        except calling.Unwanted as unwanted:
            _give_back(told, unwanted)
            raise Undeliverable(str(unwanted)) from unwanted
        except Exception as error:
            _give_back(told, error)
            raise
        return f"told together with {len(others)} others" if others else "told"

    @classmethod
    def sent(cls, target: Target, event_id: int, outcome: str) -> None:  # noqa: ARG003
        told: Told = target.message
        channels.give_back(told.channel, sent=True)
        if told.folded:
            slack_folding.mark_told(told)

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


def _give_back(
    told: Told, error: Exception, *, wait: timedelta = channels.PACE, broken: bool = False
) -> None:
    """The call is over and did not work: the channel is free again, and so is what was to be told with this one."""
    db.session.rollback()
    begin_write()
    slack_turns.give_back(told, error=str(error), wait=wait, broken=broken)
    if told.folded:
        slack_folding.let_go(told, wait=wait, unsure=isinstance(error, calling.Unsure))
    db.session.commit()


def _actor(happening: Happening) -> str:
    if happening.actor is not None:
        return happening.actor.name
    return ROBOTS.get(happening.event.actor_kind, "Tidings")


def _take_along(told: Told, waiting: Sequence[slack_turns.Waiting]) -> list[slack_turns.Waiting]:
    """Claim what is to be told with this one; returns what is ours now."""
    others = _to_fold(told, waiting)
    taken = slack_folding.claim(told, [other.delivery_id for other in others]) if others else []
    return [other for other in others if other.delivery_id in taken]


def _to_fold(told: Told, waiting: Sequence[slack_turns.Waiting]) -> list[slack_turns.Waiting]:
    """Of those that wait behind this one, the ones to be told with it: the rest of its bulk act, or all when they are
    many."""
    if any(one.state == "processing" for one in waiting):
        return []
    few = len(waiting) < FOLD
    if few and told.batch_id is None:
        return []
    happenings = load_happenings([one.event_id for one in waiting])
    if few:
        waiting = [one for one in waiting if happenings[one.event_id].event.batch_id == told.batch_id]
    chosen = []
    for one in waiting:
        inbox = SlackNotifications(happenings[one.event_id])
        if inbox.decide().process and inbox.channel and inbox.channel.name == told.channel:
            one.text, one.batch_id = inbox.message(), inbox.event.batch_id
            chosen.append(one)
    return chosen if few or len(chosen) >= FOLD else []


def _folded(told: Told, others: Sequence[slack_turns.Waiting]) -> str:
    lines = [told.text, *(one.text for one in others)]
    more = len(lines) - LISTED
    where = told.project if told.channel != INSTANCE else "several projects"
    said = [_headline(told, others) or f"*{len(lines)} things happened* in {mrkdwn.link(told.link, where)}"]
    said += ["• " + line.partition("\n")[0] for line in lines[:LISTED]]
    return "\n".join(said + ([f"… and {more} more"] if more > 0 else []))


def _headline(told: Told, others: Sequence[slack_turns.Waiting]) -> str | None:
    """ "Ada moved 29 issues to resolved in Orchard", when all of them are one bulk act."""
    if told.batch_id is None or any(one.batch_id != told.batch_id for one in others):
        return None
    what = descriptions([told.batch_id]).get(told.batch_id, "changed several issues")
    return f"{told.who} {mrkdwn.plain(what)} in {mrkdwn.link(told.link, told.project)}"


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
