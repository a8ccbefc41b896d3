"""What GitHub calls: one address for each connection, signed. Kept and answered at once, worked off by a worker."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from app import clock
from app.db import after_commit, begin_write, db
from app.errors import DomainError
from app.extensions import csrf
from app.sealing import Unsealable, unseal
from app.sync.arrival import keep, signed_by
from app.sync.connection import locked
from app.sync.queries import connection_called
from app.sync.turns import wake

blueprint = Blueprint("sync_hook", __name__, url_prefix="/sync")


class Unsigned(DomainError):
    """The call is not GitHub's."""

    status = 401
    code = "unsigned"


class Unusable(DomainError):
    """The call cannot be read."""

    status = 400
    code = "malformed"


@blueprint.post("/github/<uid>")
@csrf.exempt  # type: ignore[untyped-decorator]
def github(uid: str) -> Response:
    """Take a call. 202 when it is kept, 200 when it came before or concerns nobody, 401 when it is not signed."""
    connection = connection_called(uid)
    body = request.get_data(cache=False)
    secret = _secret(connection.secret)
    if secret is None or not signed_by(secret, body, request.headers.get("X-Hub-Signature-256", "")):
        raise Unsigned("The signature is not right: GitHub and Tidings must have the same secret")
    delivery, kind = request.headers.get("X-GitHub-Delivery", ""), request.headers.get("X-GitHub-Event", "")
    text = _text(body)
    if (
        not delivery
        or len(delivery) > 80
        or not kind
        or len(kind) > 40
        or not (delivery + kind).isprintable()
    ):
        raise Unusable("X-GitHub-Delivery and X-GitHub-Event say what this is; one of them is missing")
    begin_write()
    same = locked(connection.id)
    if same is None:
        db.session.rollback()
        return Response(status=404)
    same.last_called_at = clock.now()
    new = keep(same.id, delivery=delivery, kind=kind, body=text)
    if new:
        after_commit(f"arrived:{same.id}", lambda: wake(same.id))
    db.session.commit()
    return Response(status=202 if new else 200)


def _secret(sealed: str) -> str | None:
    try:
        return unseal(sealed)
    except Unsealable:
        return None


def _text(body: bytes) -> str:
    """JSON as text that both databases hold. Raises Unusable."""
    if request.mimetype != "application/json":
        raise Unusable("Set the webhook's content type to application/json")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Unusable("This is not UTF-8 text") from None
    if "\x00" in text:
        raise Unusable("This has a character that cannot be kept")
    return text
