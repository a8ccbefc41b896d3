"""Milestones and parents, by program."""

from typing import Any

import pytest

from tests.api.conftest import Place


def spring(place: Place, **more: Any) -> Any:
    return place.lead.post("/projects/ORC/milestones", {"name": "Spring", **more}).json


def test_a_milestone_is_made_read_changed_and_deleted(place: Place) -> None:
    made = spring(place, due_on="2026-03-20", description="All green")
    path = f"/milestones/{made['id']}"
    assert made == place.member.get(path).json
    assert (made["name"], made["due_on"], made["issues"], made["done"]) == ("Spring", "2026-03-20", 0, 0)
    changed = place.lead.patch(path, {"name": "May", "completed": True}).json
    assert (changed["name"], changed["due_on"], changed["description"]) == ("May", "2026-03-20", "All green")
    assert changed["completed_at"] is not None
    again = place.lead.patch(path, {"completed": True, "due_on": None}).json
    assert (again["due_on"], again["completed_at"]) == (None, changed["completed_at"])
    assert place.lead.patch(path, {"completed": False}).json["completed_at"] is None
    assert [one["name"] for one in place.viewer.get("/projects/ORC/milestones").json["items"]] == ["May"]
    assert place.lead.delete(path).status_code == 204
    assert place.lead.get(path).status_code == 404
    events = place.admin.get("/events?project=ORC&limit=100").json["items"]
    assert [one["action"] for one in events if one["action"].startswith("milestone")] == [
        *("milestone_created", "milestone_updated", "milestone_completed"),
        *("milestone_updated", "milestone_reopened", "milestone_deleted"),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "spring"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "May", "due_on": "20260320"}, "due_on"),
        ({"name": "May", "due_on": "2026-13-01"}, "due_on"),
        ({"name": "May", "due_on": 5}, "due_on"),
        ({"name": "May", "color": "red"}, "color"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(place: Place, body: dict[str, Any], field: str) -> None:
    spring(place)
    answer = place.lead.post("/projects/ORC/milestones", body)
    assert answer.status_code == 422
    assert answer.json["error"]["field"] == field


def test_who_may_not_is_told_no_more_than_they_may_know(place: Place) -> None:
    path = f"/milestones/{spring(place)['id']}"
    for program, read, write in (
        (place.member, 200, 403),
        (place.viewer, 200, 403),
        (place.stranger, 404, 404),
        (place.lead_read, 200, 403),
        (place.nobody, 401, 401),
    ):
        assert program.get(path).status_code == read
        assert program.patch(path, {"name": "Mine"}).status_code == write
        assert program.delete(path).status_code == write
        assert program.post("/projects/ORC/milestones", {"name": "Mine"}).status_code == write
    assert place.lead.get("/milestones/99").status_code == 404


def test_an_issue_is_opened_and_changed_with_milestone_and_parent(place: Place) -> None:
    spring(place)
    body = {"title": "Below", "milestone": "sPRING", "parent": "orc-1"}
    made = place.member.post("/projects/ORC/issues", body).json
    assert (made["milestone"], made["parent"]) == ("Spring", "ORC-1")
    path = f"/issues/{made['key']}"
    kept = place.member.patch(path, {"title": "Still below"}).json
    assert (kept["milestone"], kept["parent"]) == ("Spring", "ORC-1")
    out = place.member.patch(path, {"milestone": None, "parent": None}).json
    assert (out["milestone"], out["parent"]) == (None, None)
    assert (
        place.member.patch(path, {"parent": "ORC-1", "milestone": "Spring"}).json
        == place.member.get(path).json
    )
    listed = {one["key"]: one["parent"] for one in place.member.get("/projects/ORC/issues").json["items"]}
    assert listed == {"ORC-1": None, made["key"]: "ORC-1"}
    actions = [one["action"] for one in place.member.get(f"{path}/events").json["items"]]
    assert actions == [
        *("created", "title_changed", "milestone_changed", "parent_changed"),
        *("milestone_changed", "parent_changed"),
    ]


def test_a_plan_that_cannot_be_is_refused_and_changes_nothing(place: Place) -> None:
    for body, field, sentence in (
        ({"parent": "ORC-1"}, "parent", "cannot be its own parent"),
        ({"parent": "PUB-1"}, "parent", "There is no issue PUB-1 in Orchard"),
        ({"milestone": "May"}, "milestone", "There is no milestone May in Orchard"),
        ({"title": "New", "milestone": "May"}, "milestone", "There is no milestone May"),
    ):
        answer = place.member.patch("/issues/ORC-1", body)
        assert answer.status_code == 422
        assert answer.json["error"]["field"] == field
        assert sentence in answer.json["error"]["message"]
    assert place.member.get("/issues/ORC-1").json["event_seq"] == 1
    for body in ({"parent": "ORC-1"}, {"milestone": "May"}):
        assert place.viewer.patch("/issues/ORC-1", body).status_code == 403
        assert place.stranger.patch("/issues/ORC-1", body).status_code == 404
        assert place.stranger.post("/projects/PUB/issues", {"title": "Hi", **body}).status_code == 403
