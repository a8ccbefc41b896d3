"""What a viewer sees of issues. The viewer's rights are inside every query."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Select, bindparam, func, select, tuple_
from sqlalchemy.orm import contains_eager, joinedload

from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.db import db, rows
from app.errors import Conflict, Invalid, NotFound
from app.events.action import PersonRef
from app.events.recording import holds
from app.issues.issue import STATUSES, Issue, IssueAssignee
from app.issues.label import IssueLabel, Label, find_labels
from app.issues.list_query import Term, matching
from app.issues.plan import Plan, parent_named, plans_of
from app.issues.sub_issues import lock_tree
from app.issues.subscription import Subscription
from app.projects.policy import Right, Sight, leads, require, sees, sight, within
from app.projects.project import Project
from app.projects.queries import people_named


@dataclass(frozen=True, slots=True)
class Card:
    """What lists and boards show of an issue besides its own row."""

    issue: Issue
    labels: Sequence["Chip"]
    assignees: Sequence["Face"]
    plan: Plan


@dataclass(frozen=True, slots=True)
class Chip:
    """A label as pages show it."""

    id: int
    name: str
    color: str


@dataclass(frozen=True, slots=True)
class Face:
    """A person as pages show them."""

    id: int
    username: str
    name: str


def split_key(key: str) -> tuple[str, int]:
    """("KEY", 12) from "KEY-12". Raises NotFound when it is no key of an issue."""
    project, dash, number = key.rpartition("-")
    if not dash or not number.isascii() or not number.isdigit() or len(number) > 9 or not project:
        raise NotFound
    return project.upper(), int(number)


def visible_issue(viewer: Viewer, key: str) -> Issue:
    """The issue with its project and reporter. Raises NotFound when there is none that the viewer may see."""
    issue = db.session.scalar(_one(sight(viewer)), _of_key(viewer, key))
    if issue is None:
        raise NotFound
    return issue


def deleted_issue_for_change(viewer: Viewer, key: str) -> Issue:
    """The deleted issue, locked until the commit, for those who may bring it back: to others there is none.

    Raises NotFound, Forbidden, and Conflict when it is not deleted.
    """
    issue = db.session.scalar(_locked(_any(sight(viewer))), _of_key(viewer, key))
    if issue is None or (issue.deleted_at is not None and not leads(viewer, issue.project)):
        raise NotFound
    require(viewer, Right.moderate, issue.project)
    if issue.deleted_at is None:
        raise Conflict(f"{issue.key} is not deleted")
    holds(issue)
    return issue


def issue_for_change(viewer: Viewer, key: str, right: Right) -> Issue:
    """The issue, locked until the commit and read anew under the lock, if the viewer has this right in its project."""
    issue = db.session.scalar(_locked(_one(sight(viewer))), _of_key(viewer, key))
    if issue is None:
        raise NotFound
    require(viewer, right, issue.project)
    holds(issue)
    return issue


def issue_and_parent(viewer: Viewer, key: str, parent: str, right: Right) -> tuple[Issue, Issue | None]:
    """The issue and the one with the key `parent`, both for change, if the viewer has this right in their project.

    Held in the order of everybody: the project, then the issues by their ids. An empty key names no parent. Raises
    Invalid at the field `parent` where there is no such issue in the project.
    """
    issue = visible_issue(viewer, key)
    require(viewer, right, issue.project)
    lock_tree(issue.project)
    found = parent_named(issue.project, parent)
    ids = {issue.id, issue.parent_id} | ({found.id} if found else set())
    query = select(Issue).options(joinedload(Issue.project), joinedload(Issue.reporter))
    query = query.where(Issue.id.in_(ids - {None})).order_by(Issue.id).with_for_update(of=Issue)
    for one in db.session.scalars(query.execution_options(populate_existing=True)):
        holds(one)
    return issue, found


def issues_page(
    viewer: Viewer, query: Select[Issue], *, after: tuple[object, ...] | None = None, limit: int = 50
) -> tuple[list[Card], bool]:
    """One page of a list, newest change first: the cards, and whether there are more. Three queries for any number.

    `after` is (updated_at, id) of the last card of the page before.
    """
    page = query.join(Issue.project).options(contains_eager(Issue.project)).where(sees(viewer))
    if after is not None:
        page = page.where(tuple_(Issue.updated_at, Issue.id) < tuple_(*after))
    page = page.order_by(Issue.updated_at.desc(), Issue.id.desc()).limit(limit + 1)
    issues = db.session.scalars(page).all()
    return cards(issues[:limit]), len(issues) > limit


def project_issues(
    viewer: Viewer,
    project: Project,
    terms: Sequence[Term],
    *,
    statuses: Sequence[str] = STATUSES,
    after: tuple[object, ...] | None = None,
    limit: int = 50,
) -> tuple[list[Card], bool]:
    """One page of the project's issues in these statuses that fit the terms, with their reporters; as `issues_page`."""
    query = matching(terms, viewer, project).options(joinedload(Issue.reporter))
    if len(statuses) < len(STATUSES):
        query = query.where(Issue.status.in_(statuses))
    return issues_page(viewer, query, after=after, limit=limit)


def cards(issues: Sequence[Issue]) -> list[Card]:
    """The issues with their labels, assignees and plans: three more queries for any number."""
    ids = [issue.id for issue in issues]
    labels, people, plans = labels_of(ids), assignees_of(ids), plans_of(ids)
    return [
        Card(issue, labels.get(issue.id, []), people.get(issue.id, []), plans.get(issue.id, Plan()))
        for issue in issues
    ]


def labels_of(issue_ids: Sequence[int]) -> dict[int, list[Chip]]:
    """Issue id -> its labels by name."""
    found: dict[int, list[Chip]] = {}
    for row in rows(_LABELS, ids=list(issue_ids)) if issue_ids else ():
        found.setdefault(row.issue_id, []).append(Chip(row.id, row.name, row.color))
    return found


def assignees_of(issue_ids: Sequence[int]) -> dict[int, list[Face]]:
    """Issue id -> the people who have it, by name."""
    found: dict[int, list[Face]] = {}
    for row in rows(_ASSIGNEES, ids=list(issue_ids)) if issue_ids else ():
        found.setdefault(row.issue_id, []).append(Face(row.id, row.username, row.name))
    return found


_LABELS = (
    select(IssueLabel.issue_id, Label.id, Label.name, Label.color)
    .join(Label, Label.id == IssueLabel.label_id)
    .where(IssueLabel.issue_id.in_(bindparam("ids", expanding=True)))
    .order_by(func.lower(Label.name))
)
_ASSIGNEES = (
    select(IssueAssignee.issue_id, User.id, User.username, User.name)
    .join(User, User.id == IssueAssignee.user_id)
    .where(IssueAssignee.issue_id.in_(bindparam("ids", expanding=True)))
    .order_by(User.name, User.id)
)


def people_with(issue: Issue) -> Sequence[User]:
    """The people who have the issue."""
    has_it = select(IssueAssignee.user_id).where(IssueAssignee.issue_id == issue.id)
    return db.session.scalars(select(User).where(User.id.in_(has_it)).order_by(User.id)).all()


def count_by_status(viewer: Viewer, project: Project | None = None) -> dict[str, int]:
    """How many issues the viewer sees in each status."""
    query = select(Issue.status, func.count()).where(Issue.deleted_at.is_(None)).group_by(Issue.status)
    if project is not None:
        query = query.where(Issue.project_id == project.id)
    else:
        query = query.join(Project, Project.id == Issue.project_id).where(sees(viewer))
    return {row[0]: row[1] for row in db.session.execute(query)}


def subscription_of(issue: Issue, viewer: Viewer) -> Subscription | None:
    """How the viewer watches the issue, if they do."""
    if viewer.user_id is None:
        return None
    return db.session.get(Subscription, (issue.id, viewer.user_id))


def person_ref(user_id: int | None) -> PersonRef | None:
    """A person as an event names them."""
    person = db.session.get(User, user_id) if user_id is not None else None
    return person.ref if person else None


def people_by_username(project: Project, usernames: Sequence[str], *, field: str = "assignees") -> list[User]:
    """The people who may have an issue of the project. Raises Invalid naming the first who may not."""
    found = {user.username.lower(): user for user in people_named(project, usernames)}
    for username in usernames:
        if username.lower() not in found:
            raise Invalid(f"There is nobody called {username[:40]} in {project.name}", field=field)
    return [found[username.lower()] for username in dict.fromkeys(name.lower() for name in usernames)]


@cache
def _one(far: Sight) -> Select[Issue]:
    return _any(far).where(Issue.deleted_at.is_(None))


@cache
def _any(far: Sight) -> Select[Issue]:
    """Deleted ones too."""
    return (
        select(Issue)
        .join(Issue.project)
        .options(contains_eager(Issue.project), joinedload(Issue.reporter))
        .where(func.upper(Project.key) == bindparam("key"), Issue.number == bindparam("number"), within(far))
    )


@cache
def _locked(query: Select[Issue]) -> Select[Issue]:
    return query.with_for_update(of=Issue).execution_options(populate_existing=True)


def _of_key(viewer: Viewer, key: str) -> dict[str, object]:
    project, number = split_key(key)
    return {"key": project, "number": number, "viewer_id": viewer.user_id}


def labels_by_name(project: Project, names: Sequence[str]) -> list[Label]:
    """The project's labels with these names. Raises Invalid naming the first that there is not."""
    found = {label.name.lower(): label for label in find_labels(project, names)} if names else {}
    for name in names:
        if name.lower() not in found:
            raise Invalid(f"There is no label {name[:50]} in {project.name}", field="labels")
    return [found[name] for name in dict.fromkeys(name.lower() for name in names)]
