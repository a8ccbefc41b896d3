"""The same Idempotency-Key answers the same: a POST sent twice acts once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import select, update

from app import clock
from app.api.idempotency_key import IdempotencyKey
from app.db import db
from tests.api.conftest import Place


def test_the_same_key_answers_the_same_and_acts_once(place: Place) -> None:
    body = {"title": "Once"}
    first = place.lead.post("/projects/ORC/issues", body, Idempotency_Key="k-1")
    again = place.lead.post("/projects/ORC/issues", body, Idempotency_Key="k-1")
    assert (first.status_code, first.data) == (again.status_code, again.data)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(place.lead.get("/projects/ORC/issues").json["items"]) == 2


def test_the_same_key_with_another_body_is_refused(place: Place) -> None:
    place.lead.post("/projects/ORC/issues", {"title": "Once"}, Idempotency_Key="k-1")
    other = place.lead.post("/projects/ORC/issues", {"title": "Twice"}, Idempotency_Key="k-1")
    assert (other.status_code, other.json["error"]["field"]) == (422, "Idempotency-Key")


def test_the_same_key_of_another_token_or_for_another_address_is_another_key(place: Place) -> None:
    body = {"body": "Hello"}
    said = [
        place.lead.post("/issues/ORC-1/comments", body, Idempotency_Key="k"),
        place.member.post("/issues/ORC-1/comments", body, Idempotency_Key="k"),
        place.lead.post("/issues/PUB-1/comments", body, Idempotency_Key="k"),
    ]
    assert len({one.json["id"] for one in said}) == 3


def test_a_refused_request_leaves_its_key_free(place: Place) -> None:
    refused = place.lead.post("/issues/ORC-1/status", {"step": "stop"}, Idempotency_Key="k")
    assert refused.status_code == 409
    place.lead.post("/issues/ORC-1/status", {"step": "start"})
    assert place.lead.post("/issues/ORC-1/status", {"step": "stop"}, Idempotency_Key="k").status_code == 200


def test_a_key_is_forgotten_after_a_day(place: Place) -> None:
    body = {"title": "Once"}
    place.lead.post("/projects/ORC/issues", body, Idempotency_Key="k")
    old = clock.now() - timedelta(hours=24, minutes=1)
    place.write(lambda: db.session.execute(update(IdempotencyKey).values(created_at=old)))
    again = place.lead.post("/projects/ORC/issues", body, Idempotency_Key="k")
    assert again.json["key"] == "ORC-3"
    with place.app.app_context():
        assert len(db.session.scalars(select(IdempotencyKey)).all()) == 1


def test_a_key_that_cannot_be_one_is_refused(place: Place) -> None:
    for key in ("", " ", "two words", "x" * 201, "é"):
        answer = place.lead.post("/projects/ORC/issues", {"title": "Once"}, Idempotency_Key=key)
        assert (answer.status_code, answer.json["error"]["field"]) == (422, "Idempotency-Key")
    assert len(place.lead.get("/projects/ORC/issues").json["items"]) == 1


def test_eight_at_once_with_one_key_act_once_and_all_hear_the_same(place: Place) -> None:
    body = {"key": "ONE", "name": "Only one"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: place.lead.post("/projects", body, Idempotency_Key="same"), range(8))
        )
    assert [one.status_code for one in answers] == [201] * 8
    assert len({one.data for one in answers}) == 1
    assert sum("Idempotent-Replayed" in one.headers for one in answers) == 7


def test_without_a_key_the_same_at_once_is_a_conflict_or_taken_and_never_a_fault(place: Place) -> None:
    body = {"key": "ONE", "name": "Only one"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: place.lead.post("/projects", body), range(8)))
    statuses = sorted(one.status_code for one in answers)
    assert statuses[0] == 201
    assert set(statuses[1:]) <= {409, 422}
