"""What an archive would add to a project: worked out by reading, before anything is written or rendered."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select

from app.db import db
from app.errors import Conflict
from app.events.event import Event
from app.importing.archive import Archive, Item, Remark
from app.importing.people import free_usernames, known_people, logins
from app.issues.comment import Comment
from app.issues.issue import Issue
from app.projects.project import Project


@dataclass
class Known:
    """An issue that an earlier import brought."""

    issue_id: int
    number: int
    comments: set[str] = field(default_factory=set)
    closings: set[datetime] = field(default_factory=set)
    """When it was closed: a closing of the archive that was undone here stays undone."""
    is_closed: bool = False
    is_deleted: bool = False
    """Deleted here: nothing is added to it."""


@dataclass(frozen=True, slots=True)
class Addition:
    """What is to be written of one item: all of it, or what an earlier import did not know yet."""

    item: Item
    number: int
    known: Known | None
    remarks: tuple[Remark, ...]
    closes: bool


@dataclass
class Plan:
    """The additions, the numbers they get, and the names of people."""

    archive: Archive
    key: str
    """Of the project."""
    additions: list[Addition]
    numbers: dict[int, int]
    """Number in the archive -> number in the project."""
    usernames: dict[str, str]
    """Login in lower case -> username, of everybody in the archive."""
    new_people: dict[str, str]
    """Login in lower case -> as written, of those who have no account yet."""
    fingerprint: tuple[int, int]
    present: int
    """Issues and comments of the archive that are here already."""

    @property
    def is_empty(self) -> bool:
        return not self.additions

    @property
    def texts(self) -> int:
        """How many texts are to be rendered."""
        return sum(len(one.remarks) + (one.known is None) for one in self.additions)


def make_plan(archive: Archive, key: str, project: Project | None) -> Plan:
    """Compare the archive with what is here. Reads only."""
    known = _known(archive, project)
    numbers = _numbers(archive, project, known)
    additions = list(_additions(archive, known, numbers))
    names = {name.lower(): name for name in logins(archive)}
    usernames = known_people(names.values())
    new = {login: name for login, name in names.items() if login not in usernames} if additions else {}
    return Plan(
        archive=archive,
        key=key,
        additions=additions,
        numbers=numbers,
        usernames=usernames | free_usernames(new.values()),
        new_people=new,
        fingerprint=fingerprint(project),
        present=sum(1 + len(one.comments) for one in known.values()),
    )


def fingerprint(project: Project | None) -> tuple[int, int]:
    """Differs when issues were made or another import ran meanwhile."""
    return (project.issue_counter, project.event_seq) if project else (0, 0)


def still_true(plan: Plan, project: Project | None) -> None:
    """Asked under the project's lock. Raises Conflict when the plan was overtaken."""
    if fingerprint(project) != plan.fingerprint:
        raise Conflict("The project changed while the archive was read; run the command again")


def import_key(archive: Archive, number: int) -> str:
    """What an imported issue remembers of its origin."""
    return f"{archive.source}#{number}"


def _known(archive: Archive, project: Project | None) -> dict[int, Known]:
    if project is None:
        return {}
    rows = db.session.execute(
        select(Issue.id, Issue.number, Issue.status, Issue.import_key, Issue.deleted_at).where(
            Issue.project_id == project.id, Issue.import_key.startswith(f"{archive.source}#", autoescape=True)
        )
    )
    found = {
        int(key.rpartition("#")[2]): Known(
            issue_id, number, is_closed=status == "closed", is_deleted=deleted_at is not None
        )
        for issue_id, number, status, key, deleted_at in rows
        if key
    }
    by_id = {one.issue_id: one for one in found.values()}
    keys = select(Comment.issue_id, Comment.import_key).join(Issue, Issue.id == Comment.issue_id)
    for issue_id, key in db.session.execute(
        keys.where(Issue.project_id == project.id, Comment.import_key.is_not(None))
    ):
        if issue_id in by_id and key:
            by_id[issue_id].comments.add(key)
    closings = select(Event.issue_id, Event.created_at).where(
        Event.project_id == project.id, Event.subject == "issue", Event.action == "closed"
    )
    for closed_id, at in db.session.execute(closings):
        if closed_id in by_id:
            by_id[closed_id].closings.add(at)
    return found


def _numbers(archive: Archive, project: Project | None, known: dict[int, Known]) -> dict[int, int]:
    numbers = {number: one.number for number, one in known.items()}
    taken = project.issue_counter if project else 0
    new = [item.number for item in archive.items if item.number not in known]
    if all(number == ours for number, ours in numbers.items()) and _free(project, taken, new, bool(known)):
        return numbers | {number: number for number in new}
    return numbers | {number: taken + place for place, number in enumerate(new, start=1)}


def _free(project: Project | None, taken: int, new: list[int], came_before: bool) -> bool:
    """Whether the archive's numbers can be kept: in an empty project, or beyond those of its first import."""
    if not came_before:
        return project is None or not db.session.scalar(
            select(func.count()).select_from(Issue).where(Issue.project_id == project.id)
        )
    return all(number > taken for number in new)


def _additions(archive: Archive, known: dict[int, Known], numbers: dict[int, int]) -> Iterator[Addition]:
    for item in archive.items:
        here = known.get(item.number)
        if here is None:
            closes = item.closed_at is not None
            yield Addition(item, numbers[item.number], None, item.remarks, closes)
        elif not here.is_deleted:
            remarks = tuple(one for one in item.remarks if one.key not in here.comments)
            closes = item.closed_at is not None and not here.is_closed and item.closed_at not in here.closings
            if remarks or closes:
                yield Addition(item, here.number, here, remarks, closes)
