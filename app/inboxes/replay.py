"""A replay: past events are offered to one inbox again. Counted first, then asked for, then done bit by bit.

What was delivered stays delivered: nobody gets the same thing twice under one key. What is under way is left alone.
Everything else in the window is made due: skipped, held, given up, failed for good, or never offered because the inbox
did not exist yet. `app.inboxes.replaying` does the work.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Select, String, and_, case, func, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.accounts.user import User
from app.db import Base, BigId, BigPk, db
from app.errors import Conflict, Invalid, NotFound
from app.events.actions import ACTIONS
from app.events.event import Actor, Event
from app.events.people_actions import InboxReplayed
from app.events.recording import record_event
from app.inboxes.base import Inbox
from app.inboxes.delivery import Delivery
from app.inboxes.registry import BY_NAME
from app.inboxes.setting import switched_off
from app.projects.project import Project

MOST = 1_000_000
"""A replay of more events than this is refused: it would keep the inbox busy for hours."""
UNDER_WAY = ("pending", "processing", "failed")


class Replay(Base):
    """One replay and how far it has come."""

    __tablename__ = "replays"

    id: Mapped[BigPk]
    inbox: Mapped[str] = mapped_column(String(40))
    project_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("projects.id"))
    since: Mapped[datetime]
    until: Mapped[datetime]
    imported: Mapped[bool]
    forced: Mapped[bool]
    state: Mapped[str] = mapped_column(String(12))
    """running, done or cancelled."""
    total: Mapped[int]
    """How many were to be sent when it was asked for."""
    done: Mapped[int]
    place_at: Mapped[datetime | None]
    place_id: Mapped[int | None] = mapped_column(BigId)
    """The event up to which everything was looked at."""
    lease_until: Mapped[datetime]
    requested_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: the events from `since` to before `until`, of one project or of all."""

    inbox: str
    since: datetime
    until: datetime
    project_id: int | None = None
    imported: bool = False
    """Events that an import brought in too."""
    forced: bool = False
    """People may be told of what is long past."""

    @property
    def kind(self) -> type[Inbox]:
        return BY_NAME[self.inbox]


@dataclass(frozen=True, slots=True)
class Count:
    """What a replay would do."""

    matching: int
    delivered: int
    """Already delivered: left as they are."""
    under_way: int
    imported: int
    """Brought in by an import and not asked for."""
    to_send: int


def taken(kind: type[Inbox]) -> frozenset[tuple[str, str]]:
    """The actions this inbox takes, as (subject, action)."""
    return frozenset(key for key, action in ACTIONS.items() if kind.takes(key[0], action))


def check(wish: Wish) -> None:
    """Raises Invalid with the field that is wrong."""
    if wish.inbox not in BY_NAME:
        raise Invalid(f"There is no inbox {wish.inbox[:40]}", field="inbox")
    if wish.since >= wish.until:
        raise Invalid("From must lie before To", field="until")
    if wish.since >= clock.now():
        raise Invalid("From lies in the future: nothing has happened since", field="since")


def count(wish: Wish) -> Count:
    """How many events match and what would become of them. One query; reads only. Raises Invalid."""
    check(wish)
    found = {row.fate: row.number for row in db.session.execute(_fates(wish))}
    matching = sum(found.values())
    if matching > MOST:
        raise Invalid(
            f"More than {MOST:,} events lie in this time. Choose a shorter one, or one project.",
            field="since",
        )
    return Count(
        matching=matching,
        delivered=found.get("delivered", 0),
        under_way=found.get("under way", 0),
        imported=found.get("imported", 0),
        to_send=found.get("to send", 0),
    )


def sentences(wish: Wish, counted: Count) -> str:
    """The count in words, for a page or a terminal."""
    words = [f"{_events(counted.matching)} {'matches' if counted.matching == 1 else 'match'}."]
    if counted.delivered:
        words.append(f"{counted.delivered:,} already delivered and will be skipped.")
    if counted.under_way:
        words.append(f"{counted.under_way:,} on their way already.")
    if counted.imported:
        words.append(f"{counted.imported:,} brought in by an import and left out.")
    words.append(f"{counted.to_send:,} will be sent.")
    if not wish.kind.tells_people:
        words.append("No person is notified.")
    elif wish.forced:
        words.append("People are told of them, each once.")
    else:
        words.append("They would reach people, so it has to be insisted on.")
    return " ".join(words)


def _events(number: int) -> str:
    return "1 event" if number == 1 else f"{number:,} events"


def start(wish: Wish, *, by: User, actor: Actor) -> Replay:
    """Ask for the replay; it is done by workers. Raises Invalid and Conflict."""
    counted = count(wish)
    if wish.kind.tells_people and not wish.forced:
        raise Invalid(
            f"{wish.kind.title} reaches people: they would be told of what is past. Say that you mean it.",
            field="forced",
        )
    if wish.inbox in switched_off():
        raise Conflict(f"{wish.kind.title} is off. Switch it on first.", field="inbox")
    if running(wish.inbox):
        raise Conflict(
            f"A replay to {wish.kind.title} is under way. Wait for its end or cancel it.", field="inbox"
        )
    if not counted.to_send:
        raise Conflict("Nothing is left to be sent in this time", field="since")
    now = clock.now()
    replay = Replay(
        inbox=wish.inbox,
        project_id=wish.project_id,
        since=wish.since,
        until=min(wish.until, now),
        imported=wish.imported,
        forced=wish.forced,
        state="running",
        total=counted.to_send,
        done=0,
        lease_until=now,
        requested_by_id=by.id,
        created_at=now,
    )
    db.session.add(replay)
    db.session.flush()
    project = db.session.get(Project, wish.project_id) if wish.project_id is not None else None
    action = InboxReplayed(
        inbox=wish.inbox,
        events=counted.to_send,
        since=wish.since.isoformat(),
        until=replay.until.isoformat(),
        project=project.key if project else None,
        forced=wish.forced,
        imported=wish.imported,
    )
    record_event(by, action, actor=actor)
    return replay


def cancel(replay_id: int) -> Replay:
    """Stop it where it is; what was made due already is delivered. Raises NotFound and Conflict."""
    replay = db.session.get(Replay, replay_id)
    if replay is None:
        raise NotFound
    stopped = db.session.execute(
        update(Replay)
        .where(Replay.id == replay_id, Replay.state == "running")
        .values(state="cancelled", finished_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    if stopped.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("This replay has ended already")
    return replay


def running(inbox: str) -> bool:
    """Whether a replay to this inbox is under way."""
    query = select(Replay.id).where(Replay.inbox == inbox, Replay.state == "running").limit(1)
    return db.session.scalar(query) is not None


def window(wish: "Wish | Replay") -> list[ColumnElement[bool]]:
    """The condition on the events: their time, and their project."""
    where = [Event.created_at >= wish.since, Event.created_at < wish.until]
    return where if wish.project_id is None else [*where, Event.project_id == wish.project_id]


def was_imported() -> ColumnElement[bool]:
    """Whether an import brought the event in: its deliveries say so, and an inbox that is newer has none."""
    other = select(Delivery.id).where(Delivery.event_id == Event.id, Delivery.reason == "imported")
    return or_(Delivery.reason == "imported", and_(Delivery.id.is_(None), other.correlate(Event).exists()))


def _fates(wish: Wish) -> Select[Any]:
    """fate -> number, of at most one event more than may be replayed."""
    fate = case(
        (Delivery.state == "delivered", "delivered"),
        (Delivery.state.in_(UNDER_WAY), "under way"),
        *([] if wish.imported else [(was_imported(), "imported")]),
        else_="to send",
    ).label("fate")
    which = [
        and_(Event.subject == subject, Event.action == name) for subject, name in sorted(taken(wish.kind))
    ]
    found = (
        select(fate)
        .select_from(Event)
        .outerjoin(Delivery, and_(Delivery.event_id == Event.id, Delivery.inbox == wish.inbox))
        .where(*window(wish), or_(*which))
        .limit(MOST + 1)
        .subquery()
    )
    return select(found.c.fate, func.count().label("number")).group_by(found.c.fate)
