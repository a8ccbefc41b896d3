"""Which issue here is which issue there, what both sides last agreed on, and the same for comments."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigId, BigPk, Json, db
from app.errors import Conflict
from app.events.event import Actor
from app.events.external_actions import ExternalLinkAsked, ExternalLinked, ExternalUnlinked
from app.events.recording import record_event
from app.issues.issue import Issue
from app.sync.arrival import SyncArrival
from app.sync.conflicts import State
from app.sync.connection import SYNC, SyncConnection
from app.sync.marks import digest


class SyncLink(Base):
    """An issue and its counterpart. Without a number it is wanted, or was asked for and the answer got lost."""

    __tablename__ = "sync_links"

    id: Mapped[BigPk]
    connection_id: Mapped[int] = mapped_column(BigId, ForeignKey("sync_connections.id"))
    issue_id: Mapped[int] = mapped_column(BigId, ForeignKey("issues.id"))
    number: Mapped[int | None] = mapped_column(BigId)
    url: Mapped[str | None] = mapped_column(String(300))
    mark: Mapped[str] = mapped_column(String(120))
    """Stands hidden in what we make there: `uid:external_sync:target`, the same on every attempt."""
    asked_at: Mapped[datetime | None]
    """When we first asked GitHub to make it: from then on it is looked for before it is made."""
    base: Mapped[dict[str, Any]] = mapped_column(Json)
    """Field -> what both sides last agreed on; of the description its hash."""
    sent: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """Field -> what we asked GitHub to make of it, as the base keeps it; None once the answer is there."""
    theirs_at: Mapped[datetime | None]
    """The last change there that is known here."""
    ended_at: Mapped[datetime | None]
    """Unlinked: the row stays, so that the two are not linked again by themselves."""
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("connection_id", "number"),
        UniqueConstraint("issue_id"),
    )

    @property
    def linked(self) -> bool:
        return self.number is not None and self.ended_at is None

    def agreed(self, theirs: State) -> dict[str, Any]:
        """What both sides agreed on. What stands there as we asked for it is ours, although the answer got lost."""
        sent = self.sent or {}
        return self.base | {name: value for name, value in sent.items() if theirs.agreed(name) == value}


class SyncComment(Base):
    """A comment and its counterpart."""

    __tablename__ = "sync_comments"

    id: Mapped[BigPk]
    link_id: Mapped[int] = mapped_column(BigId, ForeignKey("sync_links.id"))
    comment_id: Mapped[int] = mapped_column(BigId, ForeignKey("comments.id"), unique=True)
    external_id: Mapped[int | None] = mapped_column(BigId)
    """None: we asked for it and the answer got lost."""
    mark: Mapped[str] = mapped_column(String(120), default="")
    """Hidden in what we wrote there; empty for what was written there."""
    header: Mapped[str] = mapped_column(String(300), default="")
    """What was put before a text from there, to say who wrote it."""
    base: Mapped[str] = mapped_column(String(64))
    """The hash of the text both sides agreed on."""
    sent: Mapped[str | None] = mapped_column(String(64))
    """The hash of the text we asked GitHub to make it; None once the answer is there."""
    theirs_at: Mapped[datetime | None]
    """The last change there that is known here."""

    def agreed(self, theirs: str) -> str:
        """The hash of the text both sides agreed on, as above."""
        return self.sent if self.sent == digest(theirs) else self.base

    def agree(self, text: str, theirs_at: datetime) -> None:
        """Both sides have this text, and theirs says since when."""
        self.base, self.sent, self.theirs_at = digest(text), None, theirs_at

    __table_args__ = (Index("uq_sync_comments_external", "link_id", "external_id", unique=True),)


def link_of(issue_id: int) -> SyncLink | None:
    """The issue's link, wanted or made."""
    return db.session.scalar(select(SyncLink).where(SyncLink.issue_id == issue_id))


def link_numbered(connection: SyncConnection, number: int) -> SyncLink | None:
    """The link with the issue there."""
    return db.session.scalar(
        select(SyncLink).where(SyncLink.connection_id == connection.id, SyncLink.number == number)
    )


def ask_link(connection: SyncConnection, issue: Issue, *, actor: Actor) -> SyncLink:
    """Somebody wants the issue on GitHub: the inbox sees to it. Raises Conflict when it is linked already.

    One that was unlinked goes on with its old counterpart.
    """
    link = link_of(issue.id)
    if link is not None and link.ended_at is None:
        raise Conflict("This issue is linked already")
    action = ExternalLinkAsked(provider="github", external_id=connection.repository)
    recorded = record_event(issue, action, actor=actor)
    assert recorded is not None
    link = link or _new(connection, issue, mark="")
    link.ended_at = None
    if link.number is None:
        link.mark = key_of(recorded.uid, connection.repository)
    return link


def want(connection: SyncConnection, issue: Issue, *, uid: str) -> SyncLink:
    """A link the connection asks for by itself, because of the event with this uid."""
    return _new(connection, issue, mark=key_of(uid, connection.repository))


def join(
    link: SyncLink,
    connection: SyncConnection,
    issue: Issue,
    *,
    number: int,
    url: str,
    author: str | None = None,
) -> None:
    """From now on the two are the same issue."""
    link.number, link.url = number, url
    action = ExternalLinked(
        provider="github", external_id=f"{connection.repository}#{number}", url=url, external_actor=author
    )
    record_event(issue, action, actor=SYNC)


def unlink(
    link: SyncLink,
    connection: SyncConnection,
    issue: Issue,
    *,
    why: str | None,
    actor: Actor,
    gone: bool = False,
) -> None:
    """The two go their own ways; nothing is deleted on either side. `gone`: there is no issue there any more."""
    name = f"{connection.repository}#{link.number}" if link.number else connection.repository
    action = ExternalUnlinked(provider="github", external_id=name, url=link.url, why=why)
    link.ended_at = clock.now()
    if gone:
        link.number = link.url = link.asked_at = link.theirs_at = None
        link.base = {}
        db.session.execute(delete(SyncComment).where(SyncComment.link_id == link.id))
    record_event(issue, action, actor=actor)


def forget(connection: SyncConnection) -> None:
    """Remove the connection and everything that is known of the other side. Nothing is deleted there."""
    links = select(SyncLink.id).where(SyncLink.connection_id == connection.id)
    db.session.execute(delete(SyncComment).where(SyncComment.link_id.in_(links)))
    db.session.execute(delete(SyncLink).where(SyncLink.connection_id == connection.id))
    db.session.execute(delete(SyncArrival).where(SyncArrival.connection_id == connection.id))
    db.session.delete(connection)


def comment_row(comment_id: int) -> SyncComment | None:
    """What is known of a comment's counterpart."""
    return db.session.scalar(select(SyncComment).where(SyncComment.comment_id == comment_id))


def comment_from(link: SyncLink, external_id: int) -> SyncComment | None:
    """The comment there."""
    return db.session.scalar(
        select(SyncComment).where(SyncComment.link_id == link.id, SyncComment.external_id == external_id)
    )


def key_of(uid: str, target: str) -> str:
    """The key of one effect: the event, this inbox, the place."""
    return f"{uid}:external_sync:{target}"[:120]


def _new(connection: SyncConnection, issue: Issue, *, mark: str) -> SyncLink:
    link = SyncLink(
        connection_id=connection.id, issue_id=issue.id, mark=mark, base={}, created_at=clock.now()
    )
    db.session.add(link)
    return link
