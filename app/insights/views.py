"""The charts of a project, and each of their tables as a file."""

from dataclasses import dataclass

from flask import Blueprint, Response, request

from app.accounts.current import viewer
from app.errors import Invalid, NotFound
from app.insights.charts import CHARTS, charts
from app.insights.figures import figures
from app.insights.span import USUAL, Span, read_span, usual
from app.projects.queries import visible_project
from app.web.render import render
from app.web.table_export import csv_file

blueprint = Blueprint("insights", __name__, url_prefix="/projects")
SHOWN_ROWS = 100
"""Rows of a table on the page; the file has all of them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A usual number of days, ending today."""

    days: int
    span: Span


@blueprint.get("/<key>/insights")
def show(key: str) -> Response:
    """Everything about the days that were asked for."""
    project = visible_project(viewer(), key)
    span, error = usual(USUAL[0], viewer().zone), None
    try:
        span = _span()
    except Invalid as refusal:
        error = refusal
    found = None if error else figures(project.id, span)
    return render(
        "insights/show.html",
        status=error.status if error else 200,
        place=project,
        project=project,
        span=span,
        said={name: request.args.get(name, "")[:20] or None for name in ("from", "to")},
        error=error,
        charts=charts(found, project.key) if found and not found.is_empty else [],
        choices=[Choice(days, usual(days, viewer().zone)) for days in USUAL],
        shown_rows=SHOWN_ROWS,
    )


@blueprint.get("/<key>/insights/<chart>.csv")
def as_csv(key: str, chart: str) -> Response:
    """The table behind one chart."""
    project = visible_project(viewer(), key)
    if chart not in CHARTS:
        raise NotFound
    one = CHARTS[chart](figures(project.id, _span()), project.key)
    rows = (dict(zip(one.columns, row, strict=True)) for row in one.rows)
    return csv_file(f"{project.key}-{chart}.csv", one.columns, rows)


def _span() -> Span:
    return read_span(request.args.get("from", ""), request.args.get("to", ""), viewer().zone)
