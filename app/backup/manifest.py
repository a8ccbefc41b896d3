"""What a backup says about itself: from when, of which release and revision, how much, and each part's sha256."""

import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from app.config import ROOT

KIND = "tidings backup"
FORM = 1
"""Raised when a file is built in another way."""
Ask = Callable[[str], Sequence[Sequence[Any]]]
"""Runs a query in the snapshot that is copied."""


class Refused(Exception):
    """It cannot be done like this, and nothing was changed. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One member of the file. `table` and `columns` where it is one table's rows."""

    name: str
    bytes: int
    sha256: str
    table: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The first thing that is read, the last that is written."""

    database: str
    made_at: str
    release: str
    revision: str
    last_event_id: int
    counts: dict[str, int]
    """Table -> rows."""
    checkpoint: dict[str, Any] | None
    """The newest checkpoint: number and hash, as `flask events verify --against` takes them."""
    parts: tuple[Part, ...] = field(default=())

    def as_json(self) -> str:
        return json.dumps({"kind": KIND, "form": FORM, **asdict(self)}, indent=1)

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.made_at)

    @classmethod
    def read(cls, text: bytes) -> "Manifest":
        """Raises Refused."""
        try:
            said = json.loads(text)
            if said.pop("kind") != KIND:
                raise Refused("It is no backup of Tidings")
            if said.pop("form") != FORM:
                raise Refused("It was made by a newer release of Tidings: restore it with that one")
            parts = tuple(Part(**{**one, "columns": tuple(one["columns"])}) for one in said.pop("parts"))
            made = cls(**said, parts=parts)
            made.moment  # noqa: B018 - it has to be one
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused("It is no backup of Tidings: what it says about itself cannot be read") from error
        return made


def release() -> str:
    """Which release this is."""
    try:
        return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
    except OSError:
        return "unknown"


def describe(database: str, made_at: datetime, tables: Sequence[str], ask: Ask) -> Manifest:
    """What the snapshot holds, without its parts. Raises Refused for a database without tables of ours."""
    if "alembic_version" not in tables or "events" not in tables:
        raise Refused("This database has no tables of Tidings: run flask db upgrade")
    [[revision]] = ask("SELECT version_num FROM alembic_version")
    [[last]] = ask("SELECT coalesce(max(id), 0) FROM events")
    newest = (
        ask("SELECT number, hash FROM checkpoints ORDER BY number DESC LIMIT 1")
        if "checkpoints" in tables
        else ()
    )
    return Manifest(
        database=database,
        made_at=made_at.isoformat(),
        release=release(),
        revision=str(revision),
        last_event_id=int(last),
        counts={table: int(ask(f'SELECT count(*) FROM "{table}"')[0][0]) for table in sorted(tables)},  # noqa: S608
        checkpoint={"number": newest[0][0], "hash": newest[0][1]} if newest else None,
    )
