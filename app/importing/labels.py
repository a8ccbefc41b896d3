"""The labels of an archive, in our six hues."""

import colorsys
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from app.db import db, take_ids
from app.events.bulk import Fact, record_many
from app.events.event import Actor
from app.events.project_actions import LabelCreated
from app.importing.archive import Archive
from app.issues.label import NAME_MAX, Label
from app.projects.project import Project

GREY = 0.15
"""Saturation below which a colour is a grey; greys become sky, the calmest hue."""
HUES = ((20, "rose"), (42, "clay"), (70, "gold"), (165, "moss"), (230, "sky"), (300, "iris"), (361, "rose"))
"""The hue in degrees up to which a colour is called so."""


def hue(color: str) -> str:
    """The name of our hue nearest to six hex digits."""
    try:
        red, green, blue = (part / 255 for part in bytes.fromhex(color.removeprefix("#"))[:3])
    except ValueError:
        return "sky"
    angle, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    if saturation < GREY or value < GREY:
        return "sky"
    return next(name for limit, name in HUES if angle * 360 < limit)


def bring_labels(project: Project, archive: Archive, *, actor: Actor, at: datetime) -> dict[str, Label]:
    """Label of the project for each label name of the archive; those the project lacks are made."""
    names = {_short(name): color for name, color in archive.labels.items()}
    for item in archive.items:
        for name in item.labels:
            names.setdefault(_short(name), "")
    have = _by_name(project)
    wanted = {name.lower(): (name, color) for name, color in names.items() if name.lower() not in have}
    _make(project, wanted.values(), actor, at)
    have = _by_name(project)
    every = {*archive.labels, *(name for item in archive.items for name in item.labels)}
    return {name: have[_short(name).lower()] for name in every}


def _make(project: Project, wanted: Iterable[tuple[str, str]], actor: Actor, at: datetime) -> None:
    wanted = list(wanted)
    if wanted:
        made = [
            Label(id=label_id, project_id=project.id, name=name, color=hue(color))
            for label_id, (name, color) in zip(take_ids("labels", len(wanted)), wanted, strict=True)
        ]
        db.session.add_all(made)
        db.session.flush()
        record_many([Fact(project, LabelCreated(label=label.ref), actor, at) for label in made])


def _by_name(project: Project) -> dict[str, Label]:
    rows = db.session.scalars(select(Label).where(Label.project_id == project.id))
    return {label.name.lower(): label for label in rows}


def _short(name: str) -> str:
    return name if len(name) <= NAME_MAX else name[: NAME_MAX - 1].rstrip() + "…"
