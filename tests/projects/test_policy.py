"""Rights: one table, and the same answer for one project and for queries over many."""

from itertools import product

import pytest
from sqlalchemy import select

from app import clock
from app.accounts.viewer import VISITOR, Viewer, viewer_of
from app.db import db
from app.errors import Forbidden, NotFound
from app.projects.membership import add_member
from app.projects.policy import Right, require, rights, sees
from app.projects.project import Project, archive, change_visibility
from tests.support import world as worlds

S, R, C, T, M, A = Right.see, Right.report, Right.comment, Right.triage, Right.moderate, Right.manage
EXPECTED = {
    ("members", "visitor"): set(),
    ("members", "stranger"): set(),
    ("members", "viewer"): {S},
    ("members", "member"): {S, R, C, T},
    ("members", "lead"): {S, R, C, T, M, A},
    ("members", "admin"): {S, R, C, T, M, A},
    ("public", "visitor"): {S},
    ("public", "stranger"): {S, R, C},
    ("public", "viewer"): {S, R, C},
    ("public", "member"): {S, R, C, T},
    ("public", "lead"): {S, R, C, T, M, A},
    ("public", "admin"): {S, R, C, T, M, A},
}


def cast(world: worlds.World) -> dict[str, Viewer]:
    reader, admin = worlds.person("Vera"), worlds.person("Juno", admin=True)
    add_member(world.project, reader, role="viewer", actor=world.actor)
    db.session.commit()
    people = {
        "stranger": world.stranger,
        "viewer": reader,
        "member": world.member,
        "lead": world.lead,
        "admin": admin,
    }
    return {"visitor": VISITOR, **{name: viewer_of(person) for name, person in people.items()}}


def test_each_standing_has_exactly_its_rights(world: worlds.World) -> None:
    viewers = cast(world)
    for visibility in ("members", "public"):
        change_visibility(world.project, visibility, actor=world.actor)  # type: ignore[arg-type]
        db.session.commit()
        for name, viewer in viewers.items():
            assert rights(viewer, world.project) == EXPECTED[visibility, name], (visibility, name)


def test_queries_over_many_follow_the_same_rule(world: worlds.World) -> None:
    viewers = cast(world)
    worlds.project(world.lead, key="PUB", visibility="public")
    worlds.project(world.stranger, key="OTH")
    db.session.commit()
    projects = db.session.scalars(select(Project)).all()
    for viewer in viewers.values():
        seen = set(db.session.scalars(select(Project.key).where(sees(viewer))))
        assert seen == {project.key for project in projects if Right.see in rights(viewer, project)}


def test_what_may_not_be_seen_does_not_exist_and_what_may_is_refused_in_words(world: worlds.World) -> None:
    viewers = cast(world)
    for name, right in product(viewers, Right):
        allowed = EXPECTED["members", name]
        if right in allowed:
            assert right in require(viewers[name], right, world.project)
        else:
            with pytest.raises(Forbidden if S in allowed else NotFound):
                require(viewers[name], right, world.project)


def test_an_archived_project_can_be_read_and_not_changed(world: worlds.World) -> None:
    archive(world.project, actor=world.actor)
    db.session.commit()
    assert rights(viewer_of(world.member), world.project) == {S}
    assert rights(viewer_of(world.lead), world.project) == {S, A}
    with pytest.raises(Forbidden, match="archived"):
        require(viewer_of(world.lead), Right.comment, world.project)


def test_a_token_that_only_reads_narrows_its_owner(world: worlds.World) -> None:
    reading = Viewer(user_id=world.lead.id, can_write=False, token_id=1)
    assert rights(reading, world.project) == {S}
    assert world.project.created_at <= clock.now()
