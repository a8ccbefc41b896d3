"""The hash chain: each event of a subject seals the one before it.

The input is canonical JSON (sorted keys, no floats, times as UTC text with microseconds) made before the insert and
never read back from the database's own JSON. It holds commitments, not texts, so that the chain outlives an erasure.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
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


def seal(row: Mapping[str, Any], created_at: datetime, previous: str) -> str:
    """The hash of an event: 64 hex digits over its facts, its time and the hash before it."""
    sealed = {name: row[name] for name in SEALED}
    sealed["created_at"] = created_at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    sealed["prev"] = previous
    return sha256(canonical(sealed)).hexdigest()


def canonical(value: Any) -> bytes:
    """One spelling for one value."""
    return _encode(value).encode()


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
