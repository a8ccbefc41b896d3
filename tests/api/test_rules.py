"""Rules through the API: the same checks as in the editor, a sentence at the part that cannot be."""

from typing import Any

import pytest

from tests.api.conftest import Place

RULE: dict[str, Any] = {
    "name": "Thank you",
    "when": {"actions": ["closed"]},
    "conditions": [{"field": "priority", "op": "at_least", "value": "high"}],
    "steps": [{"do": "comment", "text": "Thank you, {actor}"}, {"do": "priority", "value": "low"}],
}


def test_a_rule_is_made_tried_switched_on_and_removed(place: Place) -> None:
    made = place.lead.post("/projects/ORC/rules", RULE)
    assert made.status_code == 201
    body = made.json
    assert (body["name"], body["enabled"], body["version"], body["project"]) == ("Thank you", False, 1, "ORC")
    assert body["summary"].startswith("When an issue is closed, if the priority is at least high: comment")
    path = f"/rules/{body['id']}"
    place.lead.patch("/issues/ORC-1", {"priority": "urgent"})
    place.lead.post("/issues/ORC-1/status", {"step": "close"})
    tried = place.lead.post(f"{path}/dry-run", {"days": 7}).json
    assert (tried["would_act"], tried["issues_touched"], tried["complete"]) == (1, 1, True)
    assert tried["last"][0]["issue"] == "ORC-1"
    on = place.lead.patch(path, {"enabled": True, "match": "any"}).json
    assert (on["enabled"], on["version"], on["match"]) == (True, 2, "any")
    assert place.lead.get("/projects/ORC/rules").json["items"] == [on]
    assert place.lead.delete(path).status_code == 204
    assert place.lead.get(path).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"when": {}}, "when"),
        ({"when": {"quiet_days": 0}}, "when.quiet_days"),
        (
            {"when": {"quiet_days": 14}, "conditions": [], "steps": [{"do": "assign", "value": "@actor"}]},
            "steps.0",
        ),
        ({"conditions": [{"field": "label", "op": "has", "value": "nope"}]}, "conditions.0"),
        ({"conditions": [{"field": "status", "op": "is", "value": "open"}]}, "conditions.0"),
        ({"steps": []}, "steps"),
        ({"steps": [{"do": "launch"}]}, "steps.0"),
        ({"steps": [{"do": "move", "value": "close"}]}, "steps.0"),
        ({"steps": [{"do": "comment", "text": "{nothing}"}]}, "steps.0"),
        ({"steps": [{"do": "comment", "text": "x", "colour": "red"}]}, "steps.0.colour"),
    ],
)
def test_what_cannot_mean_anything_is_refused_at_its_part(
    place: Place, change: dict[str, Any], field: str
) -> None:
    refused = place.lead.post("/projects/ORC/rules", RULE | change)
    assert (refused.status_code, refused.json["error"]["field"]) == (422, field)
    assert place.lead.get("/projects/ORC/rules").json["items"] == []


def test_a_rule_sends_to_a_webhook_of_its_project_and_names_its_host(place: Place) -> None:
    there = place.lead.post("/projects/ORC/webhooks", {"url": "https://8.8.8.8/hook", "actions": ["closed"]})
    step = {"do": "webhook", "value": str(there.json["id"])}
    made = place.lead.post("/projects/ORC/rules", RULE | {"steps": [step]})
    assert made.status_code == 201, made.json
    assert made.json["summary"].endswith(": send it to the webhook 8.8.8.8.")
    assert place.lead.get("/projects/ORC/rules").json["items"] == [made.json]
    elsewhere = place.lead.post("/projects/PUB/rules", RULE | {"steps": [step]})
    assert (elsewhere.status_code, elsewhere.json["error"]["field"]) == (422, "steps.0")
    assert place.lead.delete(f"/webhooks/{there.json['id']}").status_code == 204
    refused = place.lead.patch(f"/rules/{made.json['id']}", {"enabled": True})
    assert (refused.status_code, refused.json["error"]["field"]) == (422, "steps.0")
    assert place.lead.get("/projects/ORC/rules").json["items"][0]["summary"] == made.json["summary"]
