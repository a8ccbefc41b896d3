"""The page of one event: where every time in a feed leads."""

from flask import Blueprint, Response

from app.accounts.current import viewer
from app.events.parts import Part
from app.feeds.event_page import event_page
from app.feeds.lines import Line
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
    for part in line.parts:
        if part.kind != "this" or line.issue is None:
            parts.append(part)
        else:
            on = part.extra.get("on")
            parts += [Part("text", f" {on} ")] if on else []
            parts.append(Part("strong", line.issue.key))
    return parts
