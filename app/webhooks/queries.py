"""Finding endpoints and their attempts. Endpoints of a project are for those who manage it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Integer, func, select
from sqlalchemy.sql.expression import cast

from app import clock
from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.db import db
from app.errors import NotFound
from app.events.event import Event
from app.projects.policy import Right, may, require, require_admin
from app.projects.project import Project
from app.projects.queries import project_for_change, visible_project
from app.webhooks.attempt import Attempt
from app.webhooks.endpoint import Endpoint

PAGE = 50
SHORT = 60
"""Characters of an address among others."""
_LIVE = Endpoint.deleted_at.is_(None)


@dataclass(frozen=True, slots=True)
class Figures:
    """How the attempts of an endpoint went in the last 24 hours."""

    attempts: int = 0
    fine: int = 0

    @property
    def rate(self) -> str:
        return f"{100 * self.fine // self.attempts} %" if self.attempts else "–"


@dataclass(frozen=True, slots=True)
class Standing:
    """An endpoint with its project, its maker and its last day."""

    endpoint: Endpoint
    project: Project
    maker: User
    figures: Figures


def endpoints_of(viewer: Viewer, key: str) -> tuple[Project, list[Standing]]:
    """The endpoints of a project, in the order they were made. Raises NotFound, Forbidden."""
    project = visible_project(viewer, key)
    require(viewer, Right.manage, project)
    return project, _standings(_LIVE, Endpoint.project_id == project.id)


def every_endpoint(viewer: Viewer) -> list[Standing]:
    """The endpoints of all projects, for administrators: those that need somebody first. Raises NotFound."""
    require_admin(viewer)
    found = _standings(_LIVE)
    order = {"failing": 0, "off": 1, "on": 2}
    return sorted(found, key=lambda one: (order[one.endpoint.state], one.project.name.lower()))


def managed_endpoint(viewer: Viewer, endpoint_id: int) -> Standing:
    """One endpoint. Raises NotFound, also for those who do not manage its project: they are not to know of it."""
    found = _standings(_LIVE, Endpoint.id == endpoint_id)
    if not found or not may(viewer, Right.manage, found[0].project):
        raise NotFound
    return found[0]


def endpoint_for_change(viewer: Viewer, endpoint_id: int) -> tuple[Endpoint, Project]:
    """The endpoint and its project, both locked until the commit. Raises NotFound."""
    standing = managed_endpoint(viewer, endpoint_id)
    project = project_for_change(viewer, standing.project.key, Right.manage)
    return locked(endpoint_id), project


def locked(endpoint_id: int) -> Endpoint:
    """The endpoint read anew and locked until the commit, deleted or not; its project was locked before."""
    query = select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update()
    endpoint = db.session.scalar(query.execution_options(populate_existing=True))
    if endpoint is None:
        raise NotFound
    return endpoint


def wanting(project_id: int, *, action: str, family: str) -> list[tuple[Endpoint, User]]:
    """The endpoints of the project that are told of such events, each with its maker. One query."""
    found = _with_makers(Endpoint.project_id == project_id)
    return [(one, maker) for one, maker in found if one.wants(action, family)]


def receiver(endpoint_id: int) -> list[tuple[Endpoint, User]]:
    """The endpoint that an event is for alone, with its maker, if it is still there."""
    return _with_makers(Endpoint.id == endpoint_id)


def _with_makers(which: ColumnElement[bool]) -> list[tuple[Endpoint, User]]:
    query = (
        select(Endpoint, User)
        .join(User, User.id == Endpoint.maker_id)
        .where(which, _LIVE)
        .order_by(Endpoint.id)
        .execution_options(populate_existing=True)
    )
    return [(one, maker) for one, maker in db.session.execute(query)]


@dataclass(frozen=True, slots=True)
class EndpointAddress:
    """An endpoint as rules name it. `gone`: it was removed, and its row stays."""

    id: int
    url: str
    host: str
    gone: bool

    @property
    def words(self) -> str:
        """Its address without the scheme, cut where it is long: for those who manage the project."""
        bare = self.url.partition("://")[2]
        return bare if len(bare) <= SHORT else f"{bare[: SHORT - 1]}…"


def addresses_of(project_id: int) -> list[EndpointAddress]:
    """Every endpoint the project has or had, in the order they were made. The caller asked who may know."""
    query = select(Endpoint).where(Endpoint.project_id == project_id).order_by(Endpoint.id)
    found = db.session.scalars(query.execution_options(populate_existing=True))
    return [EndpointAddress(one.id, one.url, one.host, one.deleted_at is not None) for one in found]


def hosts(endpoint_ids: Sequence[int]) -> dict[int, str]:
    """Endpoint -> the host of its address, for those who may see deliveries."""
    if not endpoint_ids:
        return {}
    return {
        one.id: one.host for one in db.session.scalars(select(Endpoint).where(Endpoint.id.in_(endpoint_ids)))
    }


def attempts_of(
    endpoint: Endpoint, *, before: int | None = None, limit: int = PAGE
) -> tuple[list[tuple[Attempt, Event]], int | None]:
    """The newest attempts with their events, and where the next page begins. The caller asked who may know."""
    query = (
        select(Attempt, Event)
        .join(Event, Event.id == Attempt.event_id)
        .where(Attempt.endpoint_id == endpoint.id)
        .order_by(Attempt.id.desc())
        .limit(limit + 1)
    )
    query = query.where(Attempt.id < before) if before is not None else query
    found = [(attempt, event) for attempt, event in db.session.execute(query)]
    return found[:limit], found[limit - 1][0].id if len(found) > limit else None


def _standings(*where: ColumnElement[bool]) -> list[Standing]:
    query = (
        select(Endpoint, Project, User)
        .join(Project, Project.id == Endpoint.project_id)
        .join(User, User.id == Endpoint.maker_id)
        .where(*where)
        .order_by(Endpoint.id)
        .execution_options(populate_existing=True)
    )
    rows = [(endpoint, project, maker) for endpoint, project, maker in db.session.execute(query)]
    figures = _figures([endpoint.id for endpoint, _project, _maker in rows])
    return [Standing(one, project, maker, figures.get(one.id, Figures())) for one, project, maker in rows]


def _figures(endpoint_ids: Sequence[int]) -> dict[int, Figures]:
    if not endpoint_ids:
        return {}
    query = (
        select(
            Attempt.endpoint_id,
            func.count().label("attempts"),
            func.sum(cast(Attempt.ok, Integer)).label("fine"),
        )
        .where(Attempt.endpoint_id.in_(endpoint_ids), Attempt.created_at > clock.now() - timedelta(days=1))
        .group_by(Attempt.endpoint_id)
    )
    return {row.endpoint_id: Figures(row.attempts, row.fine or 0) for row in db.session.execute(query)}
