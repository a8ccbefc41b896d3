"""Finding issues: the list of a project and of everything one may see, the board, and the form for a new one."""

from datetime import datetime

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from app.accounts.current import signed_in, user, viewer
from app.db import begin_write, db
from app.errors import DomainError, Forbidden, Invalid, NotFound
from app.issues.forms import IssueForm
from app.issues.issue import TITLE_MAX, Opening, open_issue
from app.issues.label import find_labels, project_labels
from app.issues.list_query import is_default, parse, without
from app.issues.listing import Place, board, count, list_page
from app.issues.milestone import milestone_named, project_milestones
from app.issues.offers import offers
from app.issues.plan import parent_named
from app.issues.queries import count_by_status, people_by_username
from app.issues.rendering import write_text
from app.issues.verbs import STEP_GLYPHS, STEP_WORDS
from app.issues.workflow import steps_from
from app.projects.policy import Right, require, rights
from app.projects.project import Project
from app.projects.queries import people_who_see, project_for_change, visible_project
from app.web.answers import done
from app.web.paging import decode_cursor, encode_cursor
from app.web.render import render
from app.web.text import clean_line

bp = Blueprint("lists", __name__)


@bp.get("/issues")
@signed_in
def everything() -> Response:
    """Issues of all projects the reader may see."""
    return _list(None)


@bp.get("/projects/<key>/issues")
def of_project(key: str) -> Response:
    """Issues of one project."""
    return _list(visible_project(viewer(), key))


@bp.get("/projects/<key>/board")
def lanes(key: str) -> Response:
    """The board: a lane per status; each card offers the steps it allows."""
    project = visible_project(viewer(), key)
    granted = rights(viewer(), project)
    groups = board(viewer(), project)
    cards = [card for lane in groups for card in lane.cards]
    moves = {lane.status: steps_from(lane.status) if Right.triage in granted else [] for lane in groups}
    return render(
        "issues/board.html",
        fragment="board",
        place=project,
        topics=[f"project:{project.id}"],
        project=project,
        granted=granted,
        lanes=groups,
        moves={card.issue.id: moves[card.issue.status] for card in cards},
        step_words=STEP_WORDS,
        step_glyphs=STEP_GLYPHS,
    )


@bp.get("/projects/<key>/issues/new")
@signed_in
def new(key: str) -> Response:
    """The form for a new issue."""
    project = visible_project(viewer(), key)
    require(viewer(), Right.report, project)
    return _new_form(project, IssueForm(request.args))


@bp.post("/projects/<key>/issues")
@signed_in
def create(key: str) -> Response:
    """Open an issue under the project's next number."""
    project = visible_project(viewer(), key)
    granted = require(viewer(), Right.report, project)
    form = IssueForm()
    try:
        title = clean_line(form.title.data, field="title", name="The title", most=TITLE_MAX)
        written = write_text(form.description.data, project, field="description", required=False)
        begin_write()
        project = project_for_change(viewer(), key, Right.report)
        opening = Opening(title=title, description=written)
        if Right.triage in granted:
            opening = Opening(
                title=title,
                description=written,
                priority=request.form.get("priority") or "none",  # type: ignore[arg-type] # checked on opening
                labels=tuple(find_labels(project, _sent("labels"))),
                assignees=tuple(people_by_username(project, _sent("assignees"))),
                milestone=milestone_named(project, request.form.get("milestone", "").strip()),
                parent=parent_named(project, request.form.get("parent", "")),
            )
        issue = open_issue(project, opening, reporter=user(), actor=viewer().actor)
        db.session.commit()
    except (Forbidden, NotFound):
        raise
    except DomainError as error:
        db.session.rollback()
        return _new_form(visible_project(viewer(), key), form, error)
    return done(url_for("feeds.issue", key=issue.key))


def _sent(field: str) -> list[str]:
    """The values of a field that may come several times or once with commas."""
    return [
        part.strip() for value in request.form.getlist(field) for part in value.split(",") if part.strip()
    ]


def _list(project: Project | None) -> Response:
    line = request.args.get("q", "").strip()
    error: Invalid | None = None
    try:
        page = list_page(viewer(), line, project=project, after=_after())
        number = count(viewer(), line, project=project)
    except Invalid as refusal:
        if refusal.field != "q":
            raise
        error, page, number = refusal, list_page(viewer(), "", project=project), 0
    cursor = encode_cursor(*page.next) if page.next else None
    granted: frozenset[Right] = rights(viewer(), project) if project else frozenset()
    return render(
        "issues/list.html",
        fragment="list",
        status=error.status if error else 200,
        place=project,
        topics=[f"project:{project.id}"] if project else [],
        project=project,
        granted=granted,
        bulk=offers(project) if project and Right.triage in granted else None,
        all=request.args.get("select") == "all",
        step_words=STEP_WORDS,
        step_glyphs=STEP_GLYPHS,
        cursor_here=request.args.get("cursor"),
        line=line,
        error=error.message if error else None,
        first="cursor" not in request.args,
        page=page,
        number=number,
        cursor=cursor,
        drops=_drops(line) if not error else [],
        default=not error and is_default(line),
        by_status=count_by_status(viewer(), project) if page.is_empty else {},
    )


def _after() -> Place | None:
    cursor = request.args.get("cursor")
    if not cursor:
        return None
    status, at, issue_id = decode_cursor(cursor, str, datetime, int)
    return status, at, issue_id


def _drops(line: str) -> list[tuple[str, str]]:
    """For an empty list: each term and the line without it."""
    return [(str(term), without(line, place)) for place, term in enumerate(parse(line))]


def _new_form(project: Project, form: IssueForm, refused: DomainError | None = None) -> Response:
    if refused and refused.field not in ("milestone", "parent"):
        form.refuse(refused)
    sent = request.form if request.method == "POST" else request.args
    return render(
        "issues/new.html",
        status=refused.status if refused else 200,
        place=project,
        project=project,
        granted=rights(viewer(), project),
        form=form,
        refused=refused,
        milestones=project_milestones(project),
        milestone=sent.get("milestone", ""),
        parent=sent.get("parent", ""),
        priority=sent.get("priority", "none"),
        labels=project_labels(project),
        on_it=set(sent.getlist("labels")),
        people=people_who_see(project),
        have_it=set(sent.getlist("assignees")),
    )
