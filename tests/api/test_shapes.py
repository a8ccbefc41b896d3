"""What the API answers: the shapes that programs rely on."""

import re

from tests.api.conftest import Place

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")


def test_an_issue_is_opened_read_changed_moved_and_its_events_tell_it(place: Place) -> None:  # noqa: PLR0915
    place.lead.post("/projects/ORC/labels", {"name": "bug", "color": "rose"})
    opened = place.lead.post(
        "/projects/ORC/issues",
        {
            "title": "Card payments fail",
            "description": f"Since *Monday*, @{place.usernames['member']}",
            "priority": "high",
            "labels": ["Bug"],
            "assignees": [place.usernames["member"]],
        },
    )
    assert opened.status_code == 201, opened.text
    issue = opened.json
    assert issue["key"] == "ORC-2"
    assert issue["url"].endswith("/issues/ORC-2")
    assert (issue["title"], issue["status"], issue["priority"]) == ("Card payments fail", "open", "high")
    assert (issue["labels"], issue["assignees"]) == (["bug"], [place.usernames["member"]])
    assert (issue["reporter"], issue["event_seq"], issue["comment_count"]) == (place.usernames["lead"], 1, 0)
    assert MOMENT.match(issue["created_at"])
    assert place.member_read.get("/issues/ORC-2").json == issue

    changed = place.member.patch("/issues/orc-2", {"title": "Cards fail", "priority": "urgent", "labels": []})
    assert changed.status_code == 200, changed.text
    assert (changed.json["title"], changed.json["labels"]) == ("Cards fail", [])
    assert changed.json["priority"] == "urgent"
    moved = place.member.post("/issues/ORC-2/status", {"step": "resolve", "reason": "Deployed"})
    assert (moved.status_code, moved.json["status"]) == (200, "resolved")
    said = place.viewer.post("/issues/ORC-2/comments", {"body": "Thanks"})
    assert said.status_code == 403
    said = place.member.post("/issues/ORC-2/comments", {"body": "Done, see ORC-1"})
    assert (said.status_code, said.json["author"]) == (201, place.usernames["member"])

    _check_events(place)


def _check_events(place: Place) -> None:
    events = place.viewer_read.get("/issues/ORC-2/events").json
    assert [event["seq"] for event in events["items"]] == list(range(1, 7))
    assert [event["action"] for event in events["items"]] == [
        "created",
        "title_changed",
        "priority_changed",
        "unlabeled",
        "status_changed",
        "commented",
    ]
    move = events["items"][4]
    assert move["actor"] == {"kind": "token", "username": place.usernames["member"], "name": "Member"}
    assert (move["issue"], move["project"], move["family"]) == ("ORC-2", "ORC", "status")
    assert move["metadata"] == {
        "from": "open",
        "to": "resolved",
        "step": "resolve",
        "reason": "Deployed",
        "triggered_by": "api",
    }
    assert (move["cause"], move["depth"], move["batch"], move["quiet"]) == (None, 0, None, False)
    assert events["items"][1]["metadata"] == {"from": "Card payments fail", "to": "Cards fail"}
    assert place.lead.get(f"/events/{move['uid']}").json == move
    assert events["next_cursor"] is None
    later = place.lead.get("/issues/ORC-2/events?after=4&limit=1").json
    assert [event["seq"] for event in later["items"]] == [5]
    last = place.lead.get(f"/issues/ORC-2/events?cursor={later['next_cursor']}").json
    assert [event["seq"] for event in last["items"]] == [6]
