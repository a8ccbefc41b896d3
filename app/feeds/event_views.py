"""The page of one event: where every time in a feed leads."""

from flask import Blueprint, Response

from app.accounts.current import viewer
from app.events.parts import Part, text
from app.feeds.consequences import words
from app.feeds.event_page import VIA, event_page
from app.feeds.lines import Line
from app.feeds.receipts import duration
from app.web.render import render

blueprint = Blueprint("events", __name__, url_prefix="/events")


@blueprint.get("/<uid>")
def show(uid: str) -> Response:
    """What happened, who was told, and how that went."""
    page = event_page(viewer(), uid)
    return render(
        "events/event.html",
        place=page.line.project,
        page=page,
        line=page.line,
        sentence=sentence(page.line),
        words=words,
        via=VIA,
        duration=duration,
    )


def sentence(line: Line) -> list[Part]:
    """Who and what. The issue is named by its key alone, and what was said is left out: both stand below."""
    parts = [Part("strong", line.doer.name), text(" ")]
    for part in line.parts:
        if part.kind == "this" and line.issue is not None:
            on = part.extra.get("on")
            parts += [text(f" {on} ")] if on else []
            parts.append(Part("strong", line.issue.key))
        elif part.kind != "quote":
            parts.append(part)
    return parts
