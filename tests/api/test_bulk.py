"""Many issues changed by a program: asked first, done once, by the rules of the pages."""

from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import db
from app.events.event import Event
from tests.api.conftest import Place


def count(place: Place) -> int:
    with place.app.app_context():
        return db.session.scalar(select(func.count()).select_from(Event)) or 0


def act(**more: Any) -> dict[str, Any]:
    return {"issues": ["ORC-1", "ORC-2", "ORC-9"], "set": {"step": "start"}, **more}


@pytest.fixture
def two(place: Place) -> Place:
    """ORC-1, ORC-2 and PUB-1."""
    place.lead.post("/projects/ORC/issues", {"title": "The second"})
    return place


def test_a_dry_run_says_what_would_happen_and_changes_nothing(two: Place) -> None:
    before = count(two)
    said = two.member.post("/projects/ORC/issues/bulk", act(dry_run=True)).json
    assert said == {
        "dry_run": True,
        "batch": None,
        "changed": ["ORC-1", "ORC-2"],
        "same": [],
        "left": [{"key": "ORC-9", "why": "There is no such issue in Orchard."}],
        "people": 1,
        "mails": 1,
        "rules": [],
    }
    assert count(two) == before
    assert two.member.get("/issues/ORC-1").json["status"] == "open"


def test_it_is_done_once_under_one_idempotency_key(two: Place) -> None:
    done = two.member.post("/projects/ORC/issues/bulk", act(), Idempotency_Key="k1")
    assert done.status_code == 200
    assert (done.json["changed"], done.json["same"]) == (["ORC-1", "ORC-2"], [])
    log = two.member.get("/events?project=ORC").json["items"]
    assert [one["batch"] for one in log if one["action"] == "status_changed"] == [done.json["batch"]] * 2
    before = count(two)
    again = two.member.post("/projects/ORC/issues/bulk", act(), Idempotency_Key="k1")
    assert (again.json, again.headers["Idempotent-Replayed"]) == (done.json, "true")
    other = two.member.post("/projects/ORC/issues/bulk", act())
    assert (other.json["changed"], other.json["same"], other.json["batch"]) == ([], ["ORC-1", "ORC-2"], None)
    assert count(two) == before
    assert two.member.get("/issues/ORC-1").json["status"] == "in_progress"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (act(issues=[]), "issues"),
        (act(issues=[f"ORC-{n}" for n in range(201)]), "issues"),
        (act(issues="ORC-1"), "issues"),
        (act(set={}), "set"),
        (act(set={"step": "explode"}), "set.step"),
        (act(set={"priority": "dire"}), "set.priority"),
        (act(set={"add_labels": ["nope"]}), "labels"),
        (act(set={"assign": ["nobody"]}), "assignees"),
        (act(set={"title": "All the same"}), "set.title"),
        (act(dry_run="maybe"), "dry_run"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_bad_input_is_refused_by_its_field(
    two: Place, body: dict[str, Any], field: str, dry_run: bool
) -> None:
    before = count(two)
    refused = two.member.post("/projects/ORC/issues/bulk", {"dry_run": dry_run, **body})
    assert refused.status_code == 422, refused.text
    assert field in refused.text
    assert count(two) == before


def test_its_rights_are_those_of_the_daily_work(two: Place) -> None:
    asked = [
        getattr(two, who).post("/projects/ORC/issues/bulk", act()).status_code
        for who in ("nobody", "liar", "stranger", "viewer", "member_read", "member")
    ]
    assert asked == [401, 401, 404, 403, 403, 200]
    public = two.stranger.post("/projects/PUB/issues/bulk", act(issues=["PUB-1"], dry_run=True))
    assert public.status_code == 403
