"""The same key answers the same: a POST that is sent twice acts once.

The key's row is taken first in the transaction of the effect. A second request with the key waits at the
unique index until the first is through; then it gets the first's answer, or acts itself if that was refused.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from flask import Response, g, request
from pydantic import BaseModel
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app import clock
from app.api.errors import INVALID, refusal
from app.api.idempotency_key import IdempotencyKey
from app.db import begin_write, db
from app.sealing import seal, unseal

KEPT = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,200}\Z")
_SEALED = "sealed:"
_RUNNING = 0
"""The status of a row whose answer is not written yet; only its own transaction ever sees it."""


class AnsweredBefore(Exception):
    """Another request with this key was faster; its answer is the answer."""


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A POST with an Idempotency-Key."""

    token_id: int
    key: str
    path: str
    body_hash: str

    def answered(self) -> Response | None:
        """What the key was answered, 422 when it was for another body, None when it is new."""
        query = select(IdempotencyKey).where(*self._row(), IdempotencyKey.created_at > clock.now() - KEPT)
        row = db.session.scalar(query)
        if row is None:
            return None
        if row.body_hash != self.body_hash:
            message = "This key was used with another body; take a new key for a new request"
            return refusal(INVALID, message, field="Idempotency-Key")
        again = Response(_opened(row.answer) or None, row.status, mimetype="application/json")
        again.headers["Idempotent-Replayed"] = "true"
        return again

    def take(self) -> bool:
        """Write the key down as ours. False: it is taken. The token's answers of a day ago are forgotten."""
        old = IdempotencyKey.created_at <= clock.now() - KEPT
        db.session.execute(delete(IdempotencyKey).where(IdempotencyKey.token_id == self.token_id, old))
        insert = (postgresql if db.engine.dialect.name == "postgresql" else sqlite).insert
        row = {
            "token_id": self.token_id,
            "key": self.key,
            "path": self.path,
            "body_hash": self.body_hash,
            "status": _RUNNING,
            "answer": "",
            "created_at": clock.now(),
        }
        taken = insert(IdempotencyKey).values(row).on_conflict_do_nothing().returning(IdempotencyKey.id)
        return db.session.scalar(taken) is not None

    def keep(self, status: int, answer: str) -> None:
        """Write the answer beside the key."""
        change = update(IdempotencyKey).where(*self._row()).values(status=status, answer=answer)
        db.session.execute(change.execution_options(synchronize_session=False))

    def _row(self) -> tuple[ColumnElement[bool], ...]:
        return (
            IdempotencyKey.token_id == self.token_id,
            IdempotencyKey.key == self.key,
            IdempotencyKey.path == self.path,
        )


def _opened(answer: str) -> str:
    return unseal(answer.removeprefix(_SEALED)) if answer.startswith(_SEALED) else answer


def wanted(token_id: int) -> IdempotentRequest | None:
    """The key of this request, if it is a POST with one. Raises ValueError for what cannot be a key."""
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method != "POST":
        return None
    if not _KEY.match(key):
        raise ValueError("An Idempotency-Key has 1 to 200 visible ASCII characters without spaces")
    digest = sha256(request.get_data(cache=True)).hexdigest()
    return IdempotentRequest(token_id, key, request.path[:300], digest)


def begin() -> None:
    """Open the writing transaction of this request. Raises AnsweredBefore. Slow work comes before it."""
    begin_write()
    asked: IdempotentRequest | None = g.get("api_idempotent")
    if asked is not None and not asked.take():
        raise AnsweredBefore


def done(status: int, shape: BaseModel | None = None, *, secret: bool = False) -> Response:
    """The answer, kept beside its key, and the commit: the last line of a view that writes.

    `secret`: it holds one, and is kept sealed.
    """
    body = shape.model_dump_json() if shape is not None else ""
    asked: IdempotentRequest | None = g.get("api_idempotent")
    if asked is not None:
        asked.keep(status, _SEALED + seal(body) if secret else body)
    db.session.commit()
    return Response(body or None, status, mimetype="application/json")


def answer(shape: BaseModel) -> Response:
    """The answer of a view that reads."""
    return Response(shape.model_dump_json(), 200, mimetype="application/json")


def replayed(_error: AnsweredBefore) -> Response:
    """The answer of the faster request."""
    db.session.rollback()
    asked: IdempotentRequest = g.api_idempotent
    return asked.answered() or refusal(409, "The first request with this key is still running")
