"""The edge of a request: junk is refused, and what comes of the rest knows where it came from."""

import re
import uuid
from contextlib import ExitStack
from urllib.parse import unquote_to_bytes

from flask import Flask, Response, g, request

from app.context import caused_by
from app.db import end_request, read_first
from app.errors import DomainError

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{7,63}")
_BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
LONGEST_AGENT = 300
QUIET = "quiet"
"""The field of a form that says: record and show it, and tell nobody."""


class Unreadable(DomainError):
    """The request is not made of text."""

    status = 400
    code = "malformed"


def install(app: Flask) -> None:
    """Begin and end every request."""

    @app.before_request
    def begin() -> None:
        stack = g.edge = ExitStack()
        read_first()
        g.request_id = request_id()
        stack.enter_context(
            caused_by(
                via="api" if is_api() else "web",
                request_id=g.request_id,
                address=request.remote_addr,
                agent=_CONTROL.sub(" ", request.user_agent.string)[:LONGEST_AGENT] or None,
            )
        )
        _check_address()
        _check_form()
        if request.method == "POST" and not is_api() and request.form.get(QUIET):
            stack.enter_context(caused_by(quiet=True))

    @app.after_request
    def sign(response: Response) -> Response:
        if "request_id" in g:
            response.headers["X-Request-Id"] = g.request_id
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        if stack := g.pop("edge", None):
            stack.close()
        end_request()


def is_api() -> bool:
    """Whether a program asks: it gets JSON, errors included."""
    return request.path.startswith(("/api/", "/live/"))


def request_id() -> str:
    """The id the proxy gave, if it looks like one; else a new one."""
    given = request.headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _check_address() -> None:
    raw = request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI") or ""
    path, _, query = raw.encode("latin-1", "replace").partition(b"?")
    _check_encoded(path, "The address of this page")
    _check_encoded(query, "The address of this page")
    _check_encoded(request.query_string, "The address of this page")
    if "\x00" in request.path:
        raise Unreadable("The address of this page has a character that cannot be read.")


def _check_form() -> None:
    if request.method not in {"POST", "PUT", "PATCH", "DELETE"}:
        return
    if request.mimetype == "application/x-www-form-urlencoded":
        _check_encoded(request.get_data(cache=True).replace(b"+", b" "), "The form")
    elif request.mimetype == "multipart/form-data":
        for value in [one for values in request.form.listvalues() for one in values]:
            if "\x00" in value or "\ufffd" in value:
                raise Unreadable("The form has a character that cannot be read.")


def _check_encoded(raw: bytes, what: str) -> None:
    """Raise Unreadable unless these bytes are percent-encoded UTF-8 without NUL."""
    if _BROKEN_PERCENT.search(raw):
        raise Unreadable(f"{what} has a percent sign that stands for nothing. Write it as %25.")
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Unreadable(f"{what} is not UTF-8 text.") from None
    if "\x00" in text:
        raise Unreadable(f"{what} has a character that cannot be read.")
