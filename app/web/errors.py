"""Every failure as one calm page, one line for htmx, or one JSON envelope. No traceback, no half a change."""

import contextlib
import logging

from flask import Flask, Response, current_app, g, jsonify, make_response, request
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.wrappers import Response as AnyResponse

from app.db import db
from app.errors import DomainError
from app.migrating import mismatch_if_known
from app.web import shell
from app.web.render import ASKS, wants_fragment
from app.web.requests import is_api
from app.web.toasts import toast_now

log = logging.getLogger(__name__)

RETRY_SECONDS = 2
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")

TITLES = {
    400: "This request cannot be read",
    401: "Please sign in",
    403: "This is not yours to do",
    404: "Nothing here",
    405: "This cannot be done here",
    408: "That took too long",
    409: "Not saved",
    410: "Gone",
    413: "Too large",
    415: "Not the right kind of content",
    422: "Something is not right",
    429: "A little slower, please",
    500: "Something broke",
    503: "Back in a moment",
}
WORDS = {
    400: "The request is malformed, so nothing was done.",
    401: "You have to sign in for this.",
    403: "You may not do this.",
    404: "There is nothing here, or you may not see it.",
    405: "The page exists, and does not take this kind of request.",
    408: "The request took too long to arrive.",
    413: "This is more than can be sent at once.",
    415: "This kind of content is not understood here.",
    429: "Too many tries in a short time. Wait a moment, then try again.",
    500: "The fault is ours, it has been noted, and nothing was changed.",
    503: "The database is busy or out of reach. Nothing was changed; try again in a moment.",
}
CODES = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    503: "unavailable",
}
STALE = "Please reload the page and try again."
TAKEN = "Somebody else has just done the same. Reload the page and look before you send it again."
UNIQUE_VIOLATION = "23505"
"""PostgreSQL's code for a value that must be there once and is there already."""
FOREIGN_HOST = "This server does not answer to that name."


def install(app: Flask) -> None:
    """Take every failure of every view."""
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(CSRFError, _stale)
    app.register_error_handler(SecurityError, _foreign)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(SQLAlchemyError, _database)
    app.register_error_handler(Exception, _broken)


def answer(
    status: int,
    message: str | None = None,
    *,
    code: str | None = None,
    field: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer to a failure, in the asker's form. Takes back what the request began to change."""
    with contextlib.suppress(SQLAlchemyError):
        db.session.rollback()
    message = message or WORDS.get(status, WORDS[400] if status < 500 else WORDS[500])
    if is_api():
        envelope = {"code": code or CODES.get(status, "error"), "message": message}
        response = make_response(jsonify(error=envelope | ({"field": field} if field else {})), status)
    elif wants_fragment():
        response = make_response(_template("errors/_note.html", status, message), status)
        if status not in _SHOWN_BY_FORMS:
            toast_now(response, message)
    else:
        response = make_response(_template("errors/error.html", status, message), status)
    if not is_api():
        response.vary.update(ASKS)
    response.headers.update(headers or {})
    return response


_SHOWN_BY_FORMS = (403, 409, 413, 422, 429)
"""Forms ask htmx to show the line of these beside themselves; of others it becomes a toast."""


def _template(name: str, status: int, message: str) -> str:
    title = TITLES.get(status, TITLES[400] if status < 500 else TITLES[500])
    facts = {"status": status, "title": title, "message": message, "request_id": g.get("request_id")}
    try:
        return current_app.jinja_env.get_template(name).render(facts, shell=shell.bare())
    except Exception:  # the page about the failure fails: the words alone still get through
        log.exception("The error page cannot be drawn")
        return str(escape(message))


def _refused(error: DomainError) -> Response:
    return answer(error.status, error.message, code=error.code, field=error.field)


def _stale(_error: CSRFError) -> Response:
    return answer(403, STALE, code="stale_form")


def _foreign(_error: SecurityError) -> Response:
    return answer(400, FOREIGN_HOST, code="foreign_host")


def _http(error: HTTPException) -> Response | AnyResponse:
    status = error.code or 500
    original = error.get_response()
    if status < 400 or error.response is not None:
        return original
    if status >= 500:
        log.error("Answered %s to %s", status, request.path)
    headers = {name: original.headers[name] for name in KEPT_HEADERS if name in original.headers}
    return answer(status, headers=headers)


def _database(error: SQLAlchemyError) -> Response:
    if is_taken(error):
        log.warning("Two did the same at once: %s", error)
        return answer(409, TAKEN)
    if not _is_passing(error):
        return _of_another_release(error) or _broken(error)
    log.warning("The database did not answer: %s", error)
    message = DISK_FULL if _is_full(error) else None
    return answer(503, message, headers={"Retry-After": str(RETRY_SECONDS)})


def _of_another_release(error: SQLAlchemyError) -> Response | None:
    """Somebody has migrated the database while this process runs: it has to be started again."""
    with contextlib.suppress(SQLAlchemyError):
        db.session.rollback()
    words = mismatch_if_known()
    if words is None:
        return None
    log.error("This process has to be started anew: %s", words, exc_info=error)
    return answer(503, OTHER_RELEASE, headers={"Retry-After": str(RETRY_SECONDS)})


def _broken(error: Exception) -> Response:
    log.error("A view failed: %s %s", request.method, request.path, exc_info=error)
    return answer(500)


def is_taken(error: SQLAlchemyError) -> bool:
    """Whether another request has made the same thing between our look and our write."""
    original = getattr(error, "orig", None)
    return getattr(original, "sqlstate", None) == UNIQUE_VIOLATION or "UNIQUE constraint" in str(original)


OTHER_RELEASE = (
    "Tidings has been updated and is not ready yet. Nothing was changed; try again in a moment. Whoever runs this "
    "server finds the reason in its log."
)
DISK_FULL = (
    "The disk of this server is full, so nothing can be saved; everything can still be read. "
    "Nothing was changed. Whoever runs this server has to make room."
)
_DISK_FULL = ("disk is full", "no space left", "53100")


def _is_full(error: SQLAlchemyError) -> bool:
    original = getattr(error, "orig", None)
    said = f"{original} {getattr(original, 'sqlstate', '')}".lower()
    return any(words in said for words in _DISK_FULL)


_SQLITE_PASSING = ("locked", "busy", "unable to open", "disk i/o", "disk is full")


def _is_passing(error: SQLAlchemyError) -> bool:
    """Whether the same request may succeed a moment later."""
    if isinstance(error, PoolTimeoutError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    if "sqlite" in type(error.orig).__module__:
        return any(words in str(error.orig).lower() for words in _SQLITE_PASSING)
    return True
