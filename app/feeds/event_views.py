"""The page of one event: where every time in a feed leads."""

from flask import Blueprint, Response

from app.accounts.current import viewer
from app.events.parts import Part
from app.feeds.event_page import event_page
from app.feeds.lines import Line, about
from app.web.render import render

blueprint = Blueprint("events", __name__, url_prefix="/events")


@blueprint.get("/<uid>")
def show(uid: str) -> Response:
    """What happened, who was told, and how that went."""
    page = event_page(viewer(), uid)
    return render("events/event.html", place=page.line.project, page=page, line=page.line, sentence=sentence)


def sentence(line: Line) -> list[Part]:
    """Who and what, the issue named by its key alone: its title stands beside it."""
    parts = [Part("strong", line.doer.name), Part("text", " ")]
    for part in about(line):
        parts.append(Part("strong", part.extra["key"]) if part.kind == "issue" else part)
    return parts
