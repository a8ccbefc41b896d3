"""A checkpoint that was carried elsewhere: whoever holds the database can write all of it anew, but not this file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.db import db
from app.events.checkpoint import Checkpoint, heads_of
from app.events.verifying import Difference

WORDS = "the file is no checkpoint of Tidings: it needs the number and the hash of one"


class NotACheckpoint(ValueError):
    """A file that says nothing we could compare. The text is fit for people."""


@dataclass(frozen=True, slots=True)
class CarriedCheckpoint:
    """What the file says."""

    number: int
    hash: str

    @classmethod
    def read(cls, text: str) -> "CarriedCheckpoint":
        """Raises NotACheckpoint."""
        try:
            said = json.loads(text)
            number, seal = said["number"], said["hash"]
        except (ValueError, KeyError, TypeError) as error:
            raise NotACheckpoint(WORDS) from error
        if not isinstance(number, int) or not isinstance(seal, str):
            raise NotACheckpoint(WORDS)
        return cls(number, seal)


def same_as_carried(carried: CarriedCheckpoint) -> Difference | None:
    """The checkpoint with that number must have that hash."""
    known = db.session.get(Checkpoint, carried.number)
    if known is None:
        return Difference("checkpoint", carried.number, "it was carried elsewhere, and is not here")
    if known.hash != carried.hash:
        return Difference("checkpoint", carried.number, "it is not the one that was carried elsewhere")
    return None


def as_json(checkpoint: Checkpoint) -> Iterator[str]:
    """The file: the checkpoint and all its heads, a few at a time."""
    said: dict[str, Any] = {
        "number": checkpoint.number,
        "at": checkpoint.at.isoformat(),
        "hash": checkpoint.hash,
        "previous": checkpoint.prev_hash,
        "root": checkpoint.root,
    }
    yield json.dumps(said)[:-1] + ', "heads": ['
    before = "\n"
    for one in heads_of(checkpoint.number):
        row = {"subject": one.subject, "id": one.subject_id, "seq": one.seq, "hash": one.head}
        yield before + json.dumps(row)
        before = ",\n"
    yield "\n]}\n"
