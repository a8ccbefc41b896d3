"""What every request passes before its view: the token, its scope, the limit, the form of the body."""

import math
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, get_args

from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from app.accounts.token import ApiToken, Scope, find_token
from app.accounts.user import User
from app.accounts.viewer import Viewer, viewer_of_token
from app.api.errors import INVALID, MALFORMED, UNKNOWN, refusal
from app.api.idempotency import IdempotentRequest, wanted
from app.context import caused_by
from app.db import end_request, read_first
from app.extensions import limiter

LIMIT = "600 per minute"
"""Requests of one token."""
REFUSED_LIMIT = "60 per minute"
"""Requests of one address with a token that is not in force."""
DEEPEST = 20
"""Levels of lists and objects in a body; ours have three."""

SCOPE_OF_METHOD: dict[str, Scope] = {
    "GET": "read",
    "HEAD": "read",
    "POST": "write",
    "PUT": "write",
    "PATCH": "write",
    "DELETE": "write",
}
ADMINISTRATION = ("/api/v1/inboxes", "/api/v1/deliveries")
"""Where the routes begin that administer the installation: they ask for the scope `admin`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The program that makes this request."""

    token: ApiToken
    owner: User
    viewer: Viewer


def caller() -> Caller:
    """Whose token this request carries."""
    found: Caller = g.api_caller
    return found


def viewer() -> Viewer:
    """The reader this answer is for."""
    return caller().viewer


def needed_scope(route: str, method: str) -> Scope | None:
    """What a token must be allowed for this; None: nothing opens this door."""
    if method in SCOPE_OF_METHOD and route.startswith(ADMINISTRATION):
        return "admin"
    return SCOPE_OF_METHOD.get(method)


def check() -> Response | None:
    """The one check before every view of the API. An answer from here ends the request."""
    read_first()
    found = _authenticate()
    if found is None:
        _count_refusal()
        return refusal(401)
    g.api_caller = Caller(*found, viewer_of_token(*found))
    _count()
    needed = needed_scope(str(request.url_rule), request.method)
    if needed is None:
        return refusal(403)
    if _rank(g.api_caller.token.scope) < _rank(needed):
        return refusal(403, f"This needs a token with the scope {needed}", code="scope")
    return _check_address() or _check_body() or _enter()


def leave(_error: BaseException | None = None) -> None:
    """Take back what the request had set, for the next one on this thread."""
    stack: ExitStack | None = g.pop("api_stack", None)
    if stack is not None:
        stack.close()
    end_request()


def _authenticate() -> tuple[ApiToken, User] | None:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip()
    if kind.lower() != "bearer" or not secret.isascii() or not 0 < len(secret) <= 200:
        return None
    return find_token(secret)


def _rank(scope: str) -> int:
    return get_args(Scope).index(scope)


@limiter.shared_limit(LIMIT, scope="api", key_func=lambda: f"token:{caller().token.id}")
def _count() -> None:
    """Count this request of this token."""


@limiter.shared_limit(REFUSED_LIMIT, scope="api-refused")
def _count_refusal() -> None:
    """Count this attempt of this address."""


def _check_address() -> Response | None:
    if "\0" in request.path:
        return refusal(UNKNOWN)
    for name, value in request.args.items(multi=True):
        if "\0" in name or "\0" in value:
            return refusal(INVALID, "A text cannot hold the character NUL", field=name.replace("\0", ""))
    return None


def _check_body() -> Response | None:
    """415 for what is not JSON, 400 for what does not parse, 422 for what no text may hold."""
    if request.method in ("GET", "HEAD", "DELETE") or not request.get_data(cache=True):
        return None
    if not request.is_json:
        return refusal(415)
    try:
        body = request.get_json()
    except HTTPException:
        return refusal(MALFORMED, "The body is not JSON")
    except RecursionError:
        return refusal(MALFORMED, "The body is nested too deeply")
    if not isinstance(body, dict):
        return refusal(INVALID, "Send a JSON object")
    fault = _fault_in(body)
    return refusal(INVALID, fault) if fault else None


def _fault_in(value: Any, depth: int = 0) -> str | None:
    if depth > DEEPEST:
        return "The body is nested too deeply"
    if isinstance(value, dict):
        inner: list[Any] = [*value.keys(), *value.values()]
    elif isinstance(value, list):
        inner = value
    else:
        return _fault_in_leaf(value)
    return next((fault for one in inner if (fault := _fault_in(one, depth + 1))), None)


def _fault_in_leaf(value: Any) -> str | None:
    if isinstance(value, str):
        if "\0" in value:
            return "A text cannot hold the character NUL"
        if any("\ud800" <= character <= "\udfff" for character in value):
            return "A text holds half a character (a lone surrogate)"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN and Infinity are no numbers of JSON"
    return None


def _enter() -> Response | None:
    """Say what causes the events of this request, and answer one that was answered before."""
    stack = g.api_stack = ExitStack()
    stack.enter_context(
        caused_by(
            via="api",
            address=request.remote_addr,
            agent=request.headers.get("User-Agent"),
            quiet=request.headers.get("Quiet", "").strip().lower() == "true",
        )
    )
    try:
        asked: IdempotentRequest | None = wanted(caller().token.id)
    except ValueError as error:
        return refusal(INVALID, str(error), field="Idempotency-Key")
    g.api_idempotent = asked
    return asked.answered() if asked else None
