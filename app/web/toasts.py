"""One line at the bottom that says what was done, with one way to undo it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flask import Flask, Response, flash, get_flashed_messages

CATEGORY = "toast"


@dataclass(frozen=True, slots=True)
class Toast:
    """The button Undo posts `undo_fields` (and the form token) to `undo_path`; without it there is none."""

    text: str
    undo_path: str | None = None
    undo_fields: Mapping[str, str] = field(default_factory=dict)


def toast_next_page(text: str, *, undo_path: str | None = None, **undo_fields: str) -> None:
    """Show it on the page the answer redirects to."""
    flash(asdict(Toast(text, undo_path, undo_fields)), CATEGORY)  # type: ignore[arg-type] # JSON is fine


def toast_now(response: Response, text: str, *, undo_path: str | None = None, **undo_fields: str) -> Response:
    """Show it with an answer to htmx."""
    return trigger(response, toast=asdict(Toast(text, undo_path, undo_fields)))


def trigger(response: Response, **events: Any) -> Response:
    """Let htmx fire these events on the element that asked, besides those the answer names already."""
    before = response.headers.get("HX-Trigger", "")
    named: dict[str, Any] = (
        json.loads(before) if before.startswith("{") else dict.fromkeys(before.split(), True)
    )
    response.headers["HX-Trigger"] = json.dumps({**named, **events})
    return response


def install(app: Flask) -> None:
    """Templates take the waiting toasts with `waiting_toasts()`."""
    app.jinja_env.globals["waiting_toasts"] = lambda: get_flashed_messages(category_filter=[CATEGORY])
