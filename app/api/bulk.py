"""Many issues changed in one act, or only asked what it would do."""

from typing import Literal

from flask import Response
from pydantic import Field

from app.api.blueprint import blueprint, tag
from app.api.entry import viewer
from app.api.idempotency import answer, begin, done
from app.api.parameters import Body, ProjectAddress
from app.api.shapes import BulkShape, LeftShape, StartedRule
from app.db import db
from app.events.issue_actions import Priority
from app.feeds.blast_radius import BlastRadius, rehearse
from app.issues.bulk import MOST, Left, Outcome, Wish, change_all
from app.issues.queries import labels_by_name, people_by_username
from app.projects.policy import Right, require
from app.projects.project import Project
from app.projects.queries import visible_project

TAGS = tag("Issues", "What is to be done.")
MOST_NAMES = 20
Names = list[str]


class BulkSet(Body):
    """What the issues are to be; what is left out stays."""

    step: Literal["start", "stop", "resolve", "close", "reopen"] | None = None
    priority: Priority | None = None
    add_labels: Names = Field(
        default=[], max_length=MOST_NAMES, description="Names of labels of the project."
    )
    remove_labels: Names = Field(default=[], max_length=MOST_NAMES)
    assign: Names = Field(default=[], max_length=MOST_NAMES, description="Usernames.")
    unassign: Names = Field(default=[], max_length=MOST_NAMES)


class BulkAct(Body):
    """Which issues, and what they are to be."""

    issues: list[str] = Field(
        max_length=10_000, description=f"Keys of issues of the project, 1 to {MOST} of them."
    )
    set: BulkSet
    dry_run: bool = Field(default=False, description="Only say what would happen.")


@blueprint.post(
    "/projects/<key>/issues/bulk", tags=TAGS, summary="Change many issues", responses={200: BulkShape}
)
def change_many_issues(path: ProjectAddress, body: BulkAct) -> Response:
    """One act: everybody concerned is told once. For members.

    An issue changes whole or not at all: one that is so already is left as it is, one that cannot become so is left
    alone, with the reason. With `dry_run` nothing changes, and whom it would tell and which rules it would start is
    said; the header `Quiet: true` tells nobody.
    """
    project = visible_project(viewer(), path.key)
    require(viewer(), Right.triage, project)
    wish = _wish(project, body.set)
    if body.dry_run:
        return answer(_foreseen(rehearse(viewer(), project, body.issues, wish)))
    begin()
    db.session.refresh(project)
    require(viewer(), Right.triage, project)
    outcome = change_all(project, body.issues, wish, actor=viewer().actor, triggered_by="api")
    return done(200, _happened(outcome))


def _wish(project: Project, wanted: BulkSet) -> Wish:
    return Wish(
        step=wanted.step,
        priority=wanted.priority,
        add_labels=labels_by_name(project, wanted.add_labels),
        remove_labels=labels_by_name(project, wanted.remove_labels),
        assign=people_by_username(project, wanted.assign),
        unassign=people_by_username(project, wanted.unassign),
    )


def _foreseen(radius: BlastRadius) -> BulkShape:
    return BulkShape(
        dry_run=True,
        batch=None,
        changed=[one.key for one in radius.changed],
        same=[one.key for one in radius.same],
        left=_left(radius.left),
        people=radius.people,
        mails=radius.mails,
        rules=[StartedRule(id=one.id, name=one.name, issues=one.issues) for one in radius.rules],
    )


def _happened(outcome: Outcome) -> BulkShape:
    return BulkShape(
        dry_run=False,
        batch=outcome.batch_id,
        changed=[one.key for one in outcome.changed],
        same=[one.key for one in outcome.same],
        left=_left(outcome.left),
    )


def _left(left: list[Left]) -> list[LeftShape]:
    return [LeftShape(key=one.key, why=one.why) for one in left]
