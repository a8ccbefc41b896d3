"""The description of the API is valid, says what there is, and what is answered keeps to it."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.extensions import limiter
from tests.api.conftest import Place

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 8
"""Requests per operation and mode."""


def test_the_description_is_openapi_3_1_and_open_to_everybody(place: Place) -> None:
    answer = place.nobody.get("/openapi.json")
    assert answer.status_code == 200
    document = answer.json
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    schemathesis.openapi.from_dict(document).validate()


def test_every_route_is_described_with_its_errors_and_its_security(place: Place) -> None:
    paths = place.nobody.get("/openapi.json").json["paths"]
    routes = {
        (rule.rule.replace("<int:", "<").replace("<", "{").replace(">", "}"), method.lower())
        for rule in place.app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {(path, method) for path, item in paths.items() for method in item}
    for path, item in paths.items():
        for method, operation in item.items():
            assert operation["security"] == [{"token": []}], (path, method)
            assert operation["summary"]
            assert {"401", "403", "404", "422", "429"} <= operation["responses"].keys()
            envelope = operation["responses"]["422"]["content"]["application/json"]["schema"]
            assert envelope == {"$ref": "#/components/schemas/ErrorEnvelope"}


def test_generated_requests_get_no_fault_and_answers_keep_to_the_description(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "enabled", False)
    said = place.lead.post("/issues/ORC-1/comments", {"body": "Something to change"}).json
    newest = place.lead.get("/issues/ORC-1/events").json["items"][-1]
    rule = {"name": "R", "when": {"actions": ["closed"]}, "steps": [{"do": "priority", "value": "low"}]}
    known = {
        "rule_id": place.lead.post("/projects/ORC/rules", rule).json["id"],
        "comment_id": said["id"],
        "milestone_id": place.lead.post("/projects/ORC/milestones", {"name": "Spring"}).json["id"],
        "uid": newest["uid"],
        "delivery_id": 1,
        "replay_id": 1,
        "webhook_id": place.lead.post("/projects/ORC/webhooks", {"url": "https://8.8.8.8/"}).json["id"],
        "name": "live_updates",
        "username": place.usernames["viewer"],
    }
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", place.app)
    for found in schema.get_all_operations():
        operation = found.ok()
        places = known | {"key": "ORC" if "/projects/" in operation.path else "ORC-1"}
        for mode in schemathesis.GenerationMode:
            _try(operation, mode, place, places)


def _try(operation: Any, mode: Any, place: Place, places: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {place.admin.token}"}

    @seed(2)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    def one(case: Any, real: bool) -> None:
        if real:
            case.path_parameters = {name: places[name] for name in case.path_parameters or {}}
        case.call_and_validate(headers=headers, checks=CHECKS)

    one()


def test_the_reference_page_names_every_call_without_a_script_of_its_own(place: Place) -> None:
    page = place.nobody.client.get("/api/docs")
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    for path, item in place.nobody.get("/openapi.json").json["paths"].items():
        for method in item:
            assert f"<code>{method.upper()} {path}</code>" in page.text
    assert "Answers 201 with Issue." in page.text
    assert "http://" not in page.text.replace("http://127.0.0.1", "").replace("http://www.w3.org", "")
