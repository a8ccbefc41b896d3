"""One template, two answers: the whole page, or one of its blocks for htmx.

A template knows what its view gave it and the globals of the web floor, nothing else: Flask's context
processors do not run, so no `current_user` asks the database while a page is drawn.
"""

from collections.abc import Sequence
from typing import Any

from flask import Response, current_app, make_response, request

from app.web import shell

ASKS = ("HX-Request", "HX-Request-Type", "HX-History-Restore-Request")
"""The headers of htmx 4 that decide which of the two is wanted."""


def render(
    template: str,
    fragment: str | None = None,
    *,
    status: int = 200,
    place: object | None = None,
    topics: Sequence[str] = (),
    retarget: str | None = None,
    **context: Any,
) -> Response:
    """The page, or only the block `fragment` when htmx asked for a part of a page.

    `place` is the project the page belongs to, `topics` the live topics it watches: both go to whoever
    provides the shell. `retarget` is the CSS selector of the element that a fragment replaces instead of
    the one htmx had in mind (a form that comes back with its errors).
    """
    if fragment and wants_fragment():
        response = make_response(_block(template, fragment, context), status)
        if retarget:
            response.headers["HX-Retarget"] = retarget
            response.headers["HX-Reswap"] = "outerHTML"
    else:
        context["shell"] = shell.make(place=place, topics=topics)
        response = make_response(_page(template, context), status)
    response.vary.update(ASKS)
    return response


def wants_fragment() -> bool:
    """Whether this request is htmx asking for a part; going back in history needs the whole page."""
    return (
        request.headers.get("HX-Request-Type") == "partial"
        and "HX-History-Restore-Request" not in request.headers
    )


def _page(template: str, context: dict[str, Any]) -> str:
    return current_app.jinja_env.get_template(template).render(context)


def _block(template: str, name: str, context: dict[str, Any]) -> str:
    found = current_app.jinja_env.get_template(template)
    names = found.new_context(context)
    next(iter(found.root_render_func(names)), None)  # runs the imports at the top, which blocks may use
    return "".join(found.blocks[name](names))
