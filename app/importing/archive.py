"""Reading a GitHub archive: one JSON file per repository, checked in full before anything is written.

What the archive leaves open, and what is made of it:
- `author` null is a deleted account: GitHub itself calls it `ghost`, so do we.
- A review is one comment: its own words, then its remarks on single lines, which do not name their file.
  A review that says nothing, as a bare approval, is left out.
- Comments have no ids: the n-th of an author at a moment on an issue is the same one in every later archive.
- Who closed an issue is not told; who merged a pull request is. Reopenings are not told at all.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from app.importing.shape import BadArchive, Shape
from app.issues.issue import TITLE_MAX

LARGEST = 256 * 1024 * 1024
"""Bytes. An archive is held in memory, with its rendered texts about six times its size."""
NUMBER_MAX = 2**31 - 1
REVIEWED = {"APPROVED": "Approved", "CHANGES_REQUESTED": "Changes requested"}
GHOST = "ghost"
KEY_MAX = 80


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment, or a review that says something."""

    key: str
    author: str
    at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class Item:
    """An issue or a pull request."""

    number: int
    kind: Literal["issue", "pull_request"]
    title: str
    body: str
    author: str
    created_at: datetime
    closed_at: datetime | None
    """None while it is open."""
    closed_by: str | None
    """Known of a merge only."""
    merged: bool
    labels: tuple[str, ...]
    assignees: tuple[str, ...]
    remarks: tuple[Remark, ...]
    wordless: int
    """Comments and reviews that were left out because they say nothing."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A repository's discussion, in the order of its numbers."""

    repository: str
    labels: dict[str, str]
    """Name -> colour as six hex digits."""
    items: tuple[Item, ...]

    @property
    def source(self) -> str:
        """What events and keys name as the origin."""
        return f"github:{self.repository}"


def read_archive(path: Path) -> Archive:
    """The whole archive. Raises BadArchive naming file, place and reason; the file is only read."""
    document = Shape(_parse(path), where=str(path))
    labels = {}
    for place, label in enumerate(document.items("labels", optional=True), start=1):
        named = label.named(f"label {place}")
        labels[named.text("name", most=200)] = named.text("color", optional=True)
    items = [_item(one, "issue") for one in document.items("issues")]
    items += [_item(one, "pull_request") for one in document.items("pulls")]
    twice = [number for number, times in Counter(item.number for item in items).items() if times > 1]
    if twice:
        raise BadArchive(f"{path}: number {min(twice)} is there twice")
    repository = document.text("repo", most=150)
    return Archive(repository, labels, tuple(sorted(items, key=lambda item: item.number)))


def _parse(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST:
            raise BadArchive(f"{path}: an archive may have {LARGEST // 1024 // 1024} MB, this one has more")
        raw = path.read_bytes()
    except OSError as error:
        raise BadArchive(f"{path}: {error.strerror or error}") from None
    try:
        return json.loads(raw.decode())
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadArchive(f"{path}, line {line}: this is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        reason = f"{path}, line {error.lineno}, column {error.colno}: this is not whole JSON ({error.msg})"
        if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated"):
            reason += "; the file looks cut off"
        raise BadArchive(reason) from None
    except RecursionError:
        raise BadArchive(f"{path}: this is nested deeper than any archive") from None
    except ValueError as error:
        raise BadArchive(f"{path}: {error}") from None


def _item(shape: Shape, kind: Literal["issue", "pull_request"]) -> Item:
    number = shape.number("number", most=NUMBER_MAX)
    shape = shape.named(f"{'issue' if kind == 'issue' else 'pull request'} {number}")
    state = shape.choice("state", ("OPEN", "CLOSED", "MERGED"))
    merged = shape.moment("mergedAt") if state == "MERGED" else None
    created = shape.moment("createdAt")
    remarks, wordless = _remarks(shape)
    title, body = _titled(shape.text("title"), shape.text("body", optional=True))
    return Item(
        number=number,
        kind=kind,
        title=title,
        body=body,
        author=shape.text("author", optional=True, most=70) or GHOST,
        created_at=created,
        closed_at=None if state == "OPEN" else merged or _closing(shape),
        closed_by=(shape.text("mergedBy", optional=True, most=70) or GHOST) if merged else None,
        merged=merged is not None,
        labels=tuple(dict.fromkeys(shape.texts("labels", most=200))),
        assignees=tuple(dict.fromkeys(shape.texts("assignees", most=70))),
        remarks=remarks,
        wordless=wordless,
    )


def _closing(shape: Shape) -> datetime:
    return shape.moment("closedAt" if shape.has("closedAt") else "updatedAt")


def _titled(title: str, body: str) -> tuple[str, str]:
    """A title that fits on one line; what had to be cut stands in full above the description."""
    title = " ".join(title.split()) or "(no title)"
    if len(title) <= TITLE_MAX:
        return title, body
    return title[: TITLE_MAX - 1].rstrip() + "…", f"{title}\n\n{body}".rstrip()


def _remarks(shape: Shape) -> tuple[tuple[Remark, ...], int]:
    found: list[Remark] = []
    wordless = 0
    seen: Counter[tuple[str, str, datetime]] = Counter()
    for name in ("comment", "review"):
        for place, one in enumerate(shape.items(f"{name}s", optional=name == "review"), start=1):
            said = one.named(f"{name} {place}")
            author = said.text("author", optional=True, most=70) or GHOST
            at = said.moment("createdAt")
            seen[name, author, at] += 1
            body = said.text("body", optional=True) if name == "comment" else _review(said)
            if body.strip():
                found.append(Remark(_key(name, author, at, seen[name, author, at]), author, at, body))
            else:
                wordless += 1
    return tuple(sorted(found, key=lambda remark: remark.at)), wordless


def _review(shape: Shape) -> str:
    said = [shape.text("body", optional=True)]
    for place, one in enumerate(shape.items("comments", optional=True), start=1):
        said.append(one.named(f"remark {place}").text("body", optional=True))
    words = "\n\n---\n\n".join(part.strip() for part in said if part.strip())
    verdict = REVIEWED.get(shape.text("state", optional=True))
    return f"*{verdict}*\n\n{words}" if verdict and words else words


def _key(name: str, author: str, at: datetime, nth: int) -> str:
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    key = f"{name}:{author}@{moment}#{nth}"
    return key if len(key) <= KEY_MAX else f"{name}:{sha256(key.encode()).hexdigest()}"
