"""One envelope for every refusal, and no other form of answer to a bad request."""

import logging

from flask import Response, current_app, request
from flask_limiter.errors import RateLimitExceeded
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed
from werkzeug.routing import RequestRedirect

from app.api.shapes import ErrorEnvelope, Fault
from app.db import db
from app.errors import DomainError
from app.web.errors import is_taken

log = logging.getLogger(__name__)

MALFORMED, UNKNOWN, INVALID = 400, 404, 422

WORDS: dict[int, tuple[str, str]] = {
    400: ("malformed", "This request cannot be read"),
    401: ("unauthorized", "Send the header Authorization: Bearer TOKEN with a token that is in force"),
    403: ("forbidden", "You may not do this"),
    404: ("not_found", "There is nothing here, or you may not see it."),
    405: ("method_not_allowed", "This address does not take this method"),
    409: ("conflict", "Somebody changed this at the same moment; look again and try again"),
    413: ("too_large", "This request is too large: at most 1 MiB"),
    415: ("unsupported_media_type", "Send JSON, with the header Content-Type: application/json"),
    422: ("invalid", "This cannot be accepted"),
    429: ("too_many_requests", "Too many requests; wait for the seconds that Retry-After says"),
    500: ("error", "Something went wrong on our side, and nothing was changed"),
    503: ("unavailable", "The database is busy; nothing was changed, try again in a moment"),
}
"""Status -> the code and the sentence when nothing better is known."""

ELSEWHERE = {("IssueChange", "status"): "Use POST /issues/KEY-N/status with a step to move an issue"}
"""(model, field) -> where to go instead."""
PATH_MODELS: set[str] = set()
"""The names of the models of addresses: what does not fit one is an address that leads nowhere."""


def refusal(
    status: int, message: str | None = None, *, code: str | None = None, field: str | None = None
) -> Response:
    """The answer to a request that is refused."""
    usual = WORDS.get(status, WORDS[MALFORMED])
    fault = Fault(code=code or usual[0], message=message or usual[1], field=field)
    body = ErrorEnvelope(error=fault).model_dump_json(exclude_none=True)
    answer = Response(body, status, mimetype="application/json")
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="Tidings"'
    if status == 503:
        answer.headers["Retry-After"] = "1"
    return answer


def refused_by_domain(error: DomainError) -> Response:
    """A refusal of the rules of the house."""
    db.session.rollback()
    return refusal(error.status, error.message, code=error.code, field=error.field)


def refused_by_http(error: HTTPException) -> Response:
    """A refusal of the server: unknown address, other method, too large …"""
    db.session.rollback()
    if error.response is not None and error.response.mimetype == "application/json":
        return error.response  # type: ignore[return-value] # made by `refused_by_model` below
    if isinstance(error, RequestRedirect):
        return refusal(UNKNOWN)
    answer = refusal(error.code if error.code in WORDS else MALFORMED)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def refused_by_model(error: ValidationError) -> Response:
    """A body, a parameter or an address that does not have the form its description asks for."""
    if error.title in PATH_MODELS:
        return refusal(UNKNOWN)
    first = error.errors(include_url=False, include_context=True, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if not field:
        return refusal(INVALID, "Send a JSON object")
    words = ELSEWHERE.get((error.title, field)) or _sentence(field, first)
    return refusal(INVALID, words, field=field[:100])


def refused_by_limit(_error: RateLimitExceeded) -> Response:
    """Too many requests; the limiter adds Retry-After."""
    return refusal(429)


def refused_by_database(error: Exception) -> Response:
    """Two did the same at once: 409; a value that no column holds: 422; a database busy or away: 503."""
    cause = str(getattr(error, "orig", ""))
    if isinstance(error, SQLAlchemyError) and is_taken(error):
        status = 409
    elif isinstance(error, DataError):
        status = INVALID
    elif isinstance(error, OperationalError) and (db.engine.dialect.name != "sqlite" or "locked" in cause):
        status = 503
    else:
        return failed(error)
    db.session.rollback()
    log.info("The database refused: %s", cause)
    return refusal(status)


def failed(error: Exception) -> Response:
    """A fault of ours."""
    db.session.rollback()
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return refusal(500)


HANDLERS = {
    DomainError: refused_by_domain,
    HTTPException: refused_by_http,
    RateLimitExceeded: refused_by_limit,
    IntegrityError: refused_by_database,
    DataError: refused_by_database,
    OperationalError: refused_by_database,
    InternalServerError: failed,
}


def unknown_address() -> Response | None:
    """What leads nowhere below /api/v1 answers in the envelope too. Runs before every request there is."""
    error = request.routing_exception
    if error is None or not request.path.startswith("/api/v1"):
        return None
    return refused_by_http(error)


def _sentence(field: str, error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return f"{field} is missing"
    if error["type"] == "extra_forbidden":
        return f"There is no field {field[:60]} here"
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    return f"{field}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def validation_callback(error: ValidationError) -> Response:
    """For the library, which reads it from the application."""
    return current_app.make_response(refused_by_model(error))
