"""The hash chain: each event of a subject seals the one before it.

The input is canonical JSON (sorted keys, no floats, times as UTC text with microseconds) made before the insert and
never read back from the database's own JSON. It holds commitments, not texts, so that the chain outlives an erasure.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any

GENESIS = "0" * 64
"""What the first event of a chain seals."""

SEALED = (
    "v",
    "uid",
    "subject",
    "issue_id",
    "project_id",
    "user_id",
    "seq",
    "actor_id",
    "actor_kind",
    "actor_ref",
    "on_behalf_of_id",
    "action",
    "facts",
    "cause_id",
    "root_id",
    "depth",
    "batch_id",
    "quiet",
)
"""The columns under the seal, besides the time and the previous hash. `id` is not: it is the database's own."""


ORDER = tuple(sorted((*SEALED, "created_at", "prev")))
"""What is hashed, by the names of the canonical JSON: `created_at` as `moment` spells it, `prev` the hash before."""


def seal(row: Mapping[str, Any], created_at: datetime, previous: str) -> str:
    """The hash of an event: 64 hex digits over its facts, its time and the hash before it."""
    beside = {"created_at": moment(created_at), "prev": previous}
    return hash_of([beside[name] if name in beside else row[name] for name in ORDER])


def hash_of(values: Sequence[Any]) -> str:
    """The same, of the values of ORDER in its order. Written out by hand: the encoder takes twice as long for it."""
    spelt = ["null" if one is None else _SPELLINGS.get(type(one), _encode)(one) for one in values]
    return sha256((_FORM % tuple(spelt)).encode()).hexdigest()


def moment(at: datetime) -> str:
    """A moment as it is sealed."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def canonical(value: Any) -> bytes:
    """One spelling for one value."""
    return _encode(value).encode()


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_FORM = "{" + ",".join(f'"{name}":%s' for name in ORDER) + "}"
_SPELLINGS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    str: encode_basestring,
}
"""How the encoder spells what most columns hold; anything else it spells itself."""
