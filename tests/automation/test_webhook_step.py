"""Send it to a webhook: the rule records that it did, and the inbox of the webhooks brings it to that endpoint."""

import json
from typing import Any

import pytest
from flask import Flask

from app.automation.chains import Candidate
from app.automation.dry_run import try_rule
from app.automation.rule import Rule
from app.db import db
from app.events.webhook_actions import WebhookTestSent
from app.issues.workflow import change_status
from app.projects.membership import add_member, change_role
from app.webhooks.endpoint import Endpoint, choices, delete_endpoint, switch_off, switch_on
from tests.automation.build import actions, events, fresh, last, outcomes, rule, runs, said
from tests.support import world as worlds
from tests.support.deliveries import deliver
from tests.support.hooks import again, hook, open_loopback, ship, target, told
from tests.support.sink import Sink, sink
from tests.support.web import browser_of, words


@pytest.fixture
def there(world: worlds.World) -> Any:
    open_loopback()
    with sink() as one:
        yield one


def sending(world: worlds.World, endpoint: Endpoint, *steps: dict[str, str], name: str = "Tell them") -> Rule:
    """A rule that sends closed issues to this endpoint."""
    step = {"do": "webhook", "value": str(endpoint.id)}
    return rule(world.project, world.lead, said("closed", steps=(*steps, step)), name=name)


def closes(world: worlds.World) -> None:
    """The member closes the issue and the rules act; nothing is sent yet."""
    change_status(world.issue, "close", actor=world.member.actor)
    db.session.commit()
    deliver("events")


def test_it_reaches_that_endpoint_alone_whatever_that_asked_for(world: worlds.World, there: Sink) -> None:
    one, _ = hook(world, there.url("/one"), "assigned")
    hook(world, there.url("/all"), "*")
    made = sending(world, one)
    ship()
    there.arrivals.clear()
    closes(world)
    assert there.arrivals == []
    ship()

    others = [json.loads(arrival.body)["type"] for arrival in there.arrivals if arrival.path == "/all"]
    assert sorted(others) == ["issue.closed", "issue.rule_applied"]
    [arrival] = [arrival for arrival in there.arrivals if arrival.path == "/one"]
    called, _action = last(world.issue, "webhook_called")
    closed, _ = last(world.issue, "closed")
    message = json.loads(arrival.body)
    assert message["type"] == "issue.webhook_called"
    assert arrival.headers["webhook-id"] == called.uid
    data = message["data"]
    assert (data["issue"], data["actor"]) == ("ORC-1", {"kind": "rule", "username": None})
    assert data["metadata"] == {
        "rule": {"id": made.id, "name": "Tell them"},
        "endpoint_id": one.id,
        "host": f"127.0.0.1:{there.port}",
        "matched": closed.uid,
        "matched_action": "closed",
    }
    assert (called.cause_id, called.depth, called.actor_ref) == (closed.id, 1, str(made.id))
    assert (told("webhook_called").reason, target(one, "webhook_called").state) == (
        "sent to 1 webhook",
        "delivered",
    )


def test_it_is_held_while_the_endpoint_is_off_and_tried_again_when_it_fails(
    world: worlds.World, there: Sink
) -> None:
    one, _ = hook(world, there.url(), "assigned")
    made = sending(world, one)
    switch_off(again(one), world.project, actor=world.actor)
    db.session.commit()
    closes(world)
    ship()
    assert (outcomes(made), there.arrivals) == (["applied"], [])
    assert target(one, "webhook_called").state == "held"

    switch_on(again(one), world.project, maker=world.lead, actor=world.actor)
    change_status(world.issue, "reopen", actor=world.actor)
    db.session.commit()
    there.mode["/hook"] = "500"
    closes(world)
    ship()
    assert target(one, "webhook_called").state == "failed"
    there.mode["/hook"] = "200"
    ship(due=True)
    assert target(one, "webhook_called").state == "delivered"
    assert len({arrival.body for arrival in there.arrivals}) == 1


def test_an_endpoint_that_was_removed_is_a_refused_step_and_the_others_are_taken(
    world: worlds.World, there: Sink
) -> None:
    one, _ = hook(world, there.url(), "assigned")
    alone = sending(world, one, name="Alone")
    both = sending(world, one, {"do": "priority", "value": "low"}, name="Both")
    delete_endpoint(again(one), world.project, actor=world.actor)
    db.session.commit()
    closes(world)

    assert (outcomes(alone), outcomes(both)) == (["refused"], ["applied"])
    refused = {
        "step": f"send it to the webhook 127.0.0.1:{there.port}",
        "result": "refused: this webhook was removed",
        "ok": False,
    }
    assert runs(alone)[0].steps == [refused]
    assert runs(both)[0].steps[1] == refused
    assert "webhook_called" not in actions(world.issue)
    assert fresh(world.issue).priority == "low"


def test_one_that_is_removed_before_it_is_sent_says_so_in_the_ledger(
    world: worlds.World, there: Sink
) -> None:
    one, _ = hook(world, there.url(), "assigned")
    sending(world, one)
    closes(world)
    delete_endpoint(again(one), world.project, actor=world.actor)
    db.session.commit()
    ship()
    assert there.arrivals == []
    delivery = told("webhook_called")
    assert (delivery.state, delivery.reason) == ("skipped", "the webhook was removed")


def test_its_author_must_still_manage_the_project(world: worlds.World, there: Sink) -> None:
    one, _ = hook(world, there.url(), "assigned")
    add_member(world.project, world.stranger, role="lead", actor=world.actor)
    step = {"do": "webhook", "value": str(one.id)}
    made = rule(world.project, world.stranger, said("closed", steps=(step,)))
    change_role(world.project, world.stranger, role="member", actor=world.actor)
    db.session.commit()
    closes(world)
    assert fresh(made).paused_reason == (
        f"Bram may not do this any more: send it to the webhook 127.0.0.1:{there.port}"
    )
    assert "webhook_called" not in actions(world.issue)


def test_the_dry_run_says_what_would_be_sent_and_sends_nothing(world: worlds.World, there: Sink) -> None:
    one, _ = hook(world, there.url(), "assigned")
    closes(world)
    definition = said("closed", steps=({"do": "webhook", "value": str(one.id)},))
    found = try_rule(world.project, Candidate(0, "Tried", definition), days=7)
    assert dict(found.steps) == {f"send it to the webhook 127.0.0.1:{there.port}": 1}
    delete_endpoint(again(one), world.project, actor=world.actor)
    db.session.commit()
    found = try_rule(world.project, Candidate(0, "Tried", definition), days=7)
    assert (found.hits, found.unchanged) == (0, 1)
    assert "webhook_called" not in actions(world.issue)


def test_nobody_subscribes_to_what_goes_to_one_alone() -> None:
    offered = {name for names in choices().values() for name in names}
    assert not offered & {"webhook_called", WebhookTestSent.name}


class TestPages:
    BASE = "/projects/ORC/settings/automation"

    def form(self, value: str) -> dict[str, Any]:
        return {
            "name": "Tell them",
            "when": ["closed"],
            "match": "all",
            "then_do": ["webhook"],
            "then_value": [value],
            "then_title": [""],
            "then_text": [""],
            "act": "save",
        }

    def test_a_webhook_is_chosen_by_its_address_and_named_by_its_host(
        self, app: Flask, world: worlds.World
    ) -> None:
        one, _ = hook(world, "https://hooks.example.com/services/secret", "assigned")
        lead, member = browser_of(app, world.lead), browser_of(app, world.member)
        page = lead.post(
            f"{self.BASE}/new", {"name": "", "when": ["closed"], "act": "add-then", "new_then": "webhook"}
        )
        assert f'<option value="{one.id}">hooks.example.com/services/secret</option>' in page.text
        saved = lead.post(f"{self.BASE}/new", self.form(str(one.id)))
        assert saved.status_code == 303
        sentence = "When an issue is closed: send it to the webhook hooks.example.com."
        for path in (saved.location, f"{saved.location}/edit", self.BASE):
            assert sentence in words(lead.get(path))
        seen = member.get(saved.location)
        assert sentence in words(seen)
        assert "secret" not in seen.text

    def test_the_feed_and_the_page_of_the_event_tell_it(
        self, app: Flask, world: worlds.World, there: Sink
    ) -> None:
        one, _ = hook(world, there.url(), "assigned")
        sending(world, one)
        closes(world)
        ship()
        lead = browser_of(app, world.lead)
        host = f"127.0.0.1:{there.port}"
        assert (
            f"Automation sent this to the webhook {host} because of rule Tell them , "
            "because Otis closed this without fixing"
        ) in words(lead.get("/issues/ORC-1"))
        called, _ = last(world.issue, "webhook_called")
        page = words(lead.get(f"/events/{called.uid}"))
        assert f"Automation sent ORC-1 to the webhook {host}" in page
        assert "sent to 1 webhook" in page
        assert "Who was told" not in page
        assert "Who was told" in words(lead.get(f"/events/{last(world.issue, 'closed')[0].uid}"))
        cause, _ = last(world.issue, "closed")
        assert f"Automation sent ORC-1 to the webhook {host}" in words(lead.get(f"/events/{cause.uid}"))

    @pytest.mark.parametrize("value", ["", "nothing", "99999", "9" * 30, "-1", "٣"])
    def test_what_is_no_webhook_of_the_project_is_said_at_its_place(
        self, app: Flask, world: worlds.World, value: str
    ) -> None:
        before = len(events(project=world.project))
        answer = browser_of(app, world.lead).post(f"{self.BASE}/new", self.form(value))
        assert answer.status_code == 422
        sentence = f"There is no webhook “{value}” in this project." if value else "Choose a webhook."
        assert sentence in words(answer)
        assert len(events(project=world.project)) == before

    def test_a_webhook_of_another_project_is_none_and_is_not_named(
        self, app: Flask, world: worlds.World
    ) -> None:
        other = worlds.project(world.stranger, key="TLS", name="Tools")
        elsewhere = worlds.World(world.stranger, world.member, world.lead, other, world.issue)
        foreign, _ = hook(elsewhere, "https://hidden.example.com/hook", "assigned")
        answer = browser_of(app, world.lead).post(f"{self.BASE}/new", self.form(str(foreign.id)))
        assert answer.status_code == 422
        assert f"There is no webhook “{foreign.id}” in this project." in words(answer)
        assert "hidden.example.com" not in answer.text
