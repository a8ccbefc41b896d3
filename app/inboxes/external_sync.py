"""Keeps linked issues the same on GitHub: what happens here goes there. The way back is app/sync/working.py.

What came from GitHub is not sent back. The acts of one issue go in their order: one that waits or failed holds up the
later ones of its issue, and of no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from flask import current_app
from sqlalchemy import case, func, select, update

from app import clock
from app.config import Settings
from app.context import caused_by
from app.db import begin_write, db
from app.events import external_actions as external
from app.events import issue_actions as issues
from app.events.action import Action, Subject
from app.events.event import Event
from app.inboxes.base import Decision, Inbox, NotYet, Target, Undeliverable
from app.inboxes.delivery import SENT_AGAIN, Delivery
from app.issues.issue import Issue
from app.periodic import periodic
from app.sync import local, outgoing
from app.sync.connection import SyncConnection, connection_of
from app.sync.github import Rejected
from app.sync.link import link_of
from app.sync.outgoing_comments import Act
from app.sync.payload import Garbage
from app.sync.turns import IsPaused, NotNow, turn

SENT: tuple[type[Action], ...] = (
    issues.Created,
    issues.TitleChanged,
    issues.DescriptionChanged,
    issues.StatusChanged,
    issues.Closed,
    issues.Reopened,
    issues.Labeled,
    issues.Unlabeled,
    issues.Assigned,
    issues.Unassigned,
    issues.Commented,
    issues.CommentEdited,
    issues.CommentDeleted,
    issues.Restored,
    external.ExternalLinkAsked,
)
SOON = timedelta(seconds=1)
OPEN = ("pending", "failed", "processing")


@dataclass(frozen=True, slots=True)
class _Message:
    """One act on its way, with the causes of what may follow from it here."""

    connection_id: int
    act: Act
    event_id: int
    root_id: int
    depth: int


class ExternalSync(Inbox):
    """One repository on GitHub."""

    name: ClassVar[str] = "external_sync"
    title: ClassVar[str] = "External sync"
    description: ClassVar[str] = "Keeps linked issues the same on GitHub."
    icon: ClassVar[str] = "sync"
    queue: ClassVar[str] = "sync"
    outside: ClassVar[bool] = True
    backoff: ClassVar[Sequence[timedelta]] = (
        timedelta(seconds=5),
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=3),
        timedelta(hours=12),
    )

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:
        return subject == Subject.issue and (action in SENT or action is issues.Deleted)

    def minds_deleted(self) -> bool:
        """To say that its counterpart is left alone."""
        return isinstance(self.happening.action, issues.Deleted)

    def should_process(self) -> Decision:
        issue = self.happening.issue
        assert issue is not None
        connection = connection_of(issue.project_id)
        if connection is None:
            return Decision(False, "the project is not connected")
        return self._decide(issue, connection)

    def _decide(self, issue: Issue, connection: SyncConnection) -> Decision:
        if self.event.actor_kind == "sync":
            return Decision(False, "it came from GitHub")
        if not connection.sends:
            return Decision(False, "changes only come from GitHub")
        link = link_of(issue.id)
        if link is not None and link.ended_at is not None:
            return Decision(False, "the issue was unlinked")
        if link is None and not self._is_chosen(connection):
            return Decision(False, "the issue is not linked")
        if isinstance(self.happening.action, issues.Deleted):
            return Decision(False, "its counterpart on GitHub is left alone")
        return Decision(True, f"sent to {connection.repository}")

    def plan(self) -> Sequence[Target]:
        issue = self.happening.issue
        assert issue is not None
        connection = connection_of(issue.project_id)
        assert connection is not None
        act = Act(
            issue_id=issue.id,
            event_uid=self.event.uid,
            action=self.event.action,
            at=self.event.created_at,
            comment_id=getattr(self.happening.action, "comment_id", None),
        )
        message = _Message(
            connection_id=connection.id,
            act=act,
            event_id=self.event.id,
            root_id=self.event.root_id or self.event.id,
            depth=self.event.depth + 1,
        )
        return [Target(f"GitHub {connection.repository}", message, held=connection.paused)]

    @classmethod
    def send(cls, target: Target) -> str:
        message: _Message = target.message
        settings = _settings()
        _wait_for_earlier(message)
        cause = {
            "via": "job",
            "event_id": message.event_id,
            "root_id": message.root_id,
            "depth": message.depth,
        }
        try:
            with turn(message.connection_id, settings) as (connection, hub), caused_by(**cause):
                return outgoing.send(connection, message.act, hub, base_url=settings.base_url)
        except NotNow as not_now:
            _put_off(message, not_now.after)
            raise NotYet(str(not_now), after=not_now.after) from not_now
        except IsPaused as paused:
            raise NotYet(str(paused), after=timedelta()) from paused
        except (Rejected, Garbage) as refusal:
            raise Undeliverable(str(refusal)) from refusal

    def _is_chosen(self, connection: SyncConnection) -> bool:
        issue = self.happening.issue
        if connection.choice == "label" and issue is not None:
            return local.has_label(local.issue_with_project(issue.id), connection.label)
        return connection.choice == "all"


@periodic("sync_held", every=timedelta(seconds=15))
def send_held() -> None:
    """Send what waited while a connection was paused, once it goes on."""
    going = (
        select(Delivery.id)
        .join(Event, Event.id == Delivery.event_id)
        .join(SyncConnection, SyncConnection.project_id == Event.project_id)
        .where(Delivery.inbox == ExternalSync.name, Delivery.state == "held", SyncConnection.paused.is_(None))
    )
    begin_write()
    db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(going))
        .values(
            state="pending",
            next_attempt_at=clock.now(),
            attempts=0,
            reason=None,
            finished_at=None,
            replay_id=SENT_AGAIN,
        )
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _put_off(message: _Message, wait: timedelta) -> None:
    """Let everything behind wait as long: asked one by one, it would keep the worker from all else."""
    until = clock.now() + wait
    projects = select(SyncConnection.project_id).where(SyncConnection.id == message.connection_id)
    behind = (
        select(Delivery.id)
        .join(Event, Event.id == Delivery.event_id)
        .where(
            Event.project_id.in_(projects),
            Event.id > message.event_id,
            Delivery.inbox == ExternalSync.name,
            Delivery.state.in_(("pending", "failed")),
            Delivery.next_attempt_at < until,
        )
        .with_for_update(of=Delivery, skip_locked=True)
    )
    begin_write()
    db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(behind))
        .values(next_attempt_at=until)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _wait_for_earlier(message: _Message) -> None:
    """Raises NotYet while an earlier act of the same issue is not through. One that is under way is soon, mostly."""
    soonest = func.min(case((Delivery.state == "processing", None), else_=Delivery.next_attempt_at))
    earlier = (
        select(func.count(), soonest)
        .join(Event, Event.id == Delivery.event_id)
        .where(
            Event.issue_id == message.act.issue_id,
            Event.id < message.event_id,
            Delivery.inbox == ExternalSync.name,
            Delivery.state.in_(OPEN),
        )
    )
    number, moment = db.session.execute(earlier).one()
    db.session.rollback()
    if number:
        after = max(moment - clock.now(), SOON) if moment else SOON
        raise NotYet("waits for an earlier act on this issue", after=after)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
