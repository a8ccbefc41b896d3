"""Who gets what: every endpoint for every kind of token and standing, as one table."""

import pytest

from app.api.entry import needed_scope
from tests.api.conftest import Place, Program

VISIBLE = ("lead", "member", "viewer")
WORKERS = ("lead", "member")
LEADS = ("lead",)
SCOPE, FORBIDDEN, UNKNOWN = (403, "scope"), (403, "forbidden"), (404, "not_found")
NOBODY: tuple[str, ...] = ()

RULE = {"name": "Lower", "when": {"actions": ["closed"]}, "steps": [{"do": "priority", "value": "low"}]}

ENDPOINTS: list[tuple[str, str, object, tuple[str, ...], int]] = [
    # method, path, body, whose write token may, what they are answered
    ("GET", "/me", None, (*VISIBLE, "stranger"), 200),
    ("GET", "/people", None, (*VISIBLE, "stranger"), 200),
    ("GET", "/projects", None, (*VISIBLE, "stranger"), 200),
    ("POST", "/projects", {"key": "NEW", "name": "New"}, (*VISIBLE, "stranger"), 201),
    ("GET", "/projects/ORC", None, VISIBLE, 200),
    ("GET", "/projects/ORC/labels", None, VISIBLE, 200),
    ("POST", "/projects/ORC/labels", {"name": "bug", "color": "sky"}, LEADS, 201),
    ("GET", "/projects/ORC/members", None, VISIBLE, 200),
    ("POST", "/projects/ORC/members", {"username": "STRANGER"}, LEADS, 201),
    ("DELETE", "/projects/ORC/members/VIEWER", None, LEADS, 204),
    ("GET", "/projects/ORC/issues", None, VISIBLE, 200),
    ("POST", "/projects/ORC/issues", {"title": "Another"}, WORKERS, 201),
    ("GET", "/issues/ORC-1", None, VISIBLE, 200),
    ("PATCH", "/issues/ORC-1", {"title": "Other"}, WORKERS, 200),
    ("POST", "/issues/ORC-1/status", {"step": "start"}, WORKERS, 200),
    ("GET", "/issues/ORC-1/comments", None, VISIBLE, 200),
    ("POST", "/issues/ORC-1/comments", {"body": "Hello"}, WORKERS, 201),
    ("PATCH", "/issues/ORC-1/comments/COMMENT", {"body": "Hello again"}, LEADS, 200),
    ("DELETE", "/issues/ORC-1/comments/COMMENT", None, LEADS, 204),
    ("GET", "/issues/ORC-1/subscription", None, VISIBLE, 200),
    ("PUT", "/issues/ORC-1/subscription", None, VISIBLE, 200),
    ("DELETE", "/issues/ORC-1/subscription", None, VISIBLE, 204),
    ("GET", "/issues/ORC-1/events", None, VISIBLE, 200),
    ("GET", "/events", None, (*VISIBLE, "stranger"), 200),
    ("GET", "/events?project=ORC", None, VISIBLE, 200),
    ("GET", "/events?family=status&action=closed", None, (*VISIBLE, "stranger"), 200),
    ("GET", "/events/EVENT", None, VISIBLE, 200),
    ("GET", "/events/EVENT/deliveries", None, VISIBLE, 200),
    ("GET", "/projects/ORC/rules", None, LEADS, 200),
    ("POST", "/projects/ORC/rules", RULE, LEADS, 201),
    ("GET", "/rules/RULE", None, LEADS, 200),
    ("PATCH", "/rules/RULE", {"enabled": True}, LEADS, 200),
    ("POST", "/rules/RULE/dry-run", {"days": 7}, LEADS, 200),
    ("DELETE", "/rules/RULE", None, LEADS, 204),
    ("POST", "/projects/ORC/webhooks", {"url": "https://8.8.8.8/"}, LEADS, 201),
    ("GET", "/inboxes", None, NOBODY, 200),
    ("GET", "/inboxes/live_updates", None, NOBODY, 200),
    ("PATCH", "/inboxes/live_updates", {"enabled": False}, NOBODY, 200),
    ("POST", "/inboxes/live_updates/replays", {"since": "2026-01-01T00:00:00Z"}, NOBODY, 200),
    ("GET", "/inboxes/live_updates/replays", None, NOBODY, 200),
    ("GET", "/deliveries", None, NOBODY, 200),
    ("POST", "/deliveries/1/retry", None, NOBODY, 409),
]


def _fill(place: Place, path: str, body: object) -> tuple[str, object]:
    if "COMMENT" in path:
        said = place.lead.post("/issues/ORC-1/comments", {"body": "First"})
        path = path.replace("COMMENT", str(said.json["id"]))
    if "RULE" in path:
        made = place.lead.post("/projects/ORC/rules", RULE)
        path = path.replace("RULE", str(made.json["id"]))
    if "EVENT" in path:
        newest = place.lead.get("/issues/ORC-1/events").json["items"][-1]
        path = path.replace("EVENT", newest["uid"])
    path = path.replace("VIEWER", place.usernames["viewer"])
    if body == {"username": "STRANGER"}:
        body = {"username": place.usernames["stranger"]}
    return path, body


def _code(program: Program, method: str, path: str, body: object) -> tuple[int, str]:
    answer = program.ask(method, path, body)
    if answer.status_code >= 400:
        assert answer.mimetype == "application/json"
        return answer.status_code, answer.json["error"]["code"]
    return answer.status_code, ""


@pytest.mark.parametrize(("method", "path", "body", "may", "status"), ENDPOINTS)
def test_each_token_may_what_its_scope_and_its_owner_may(
    place: Place, method: str, path: str, body: object, may: tuple[str, ...], status: int
) -> None:
    path, body = _fill(place, path, body)
    for name in ("nobody", "liar"):
        assert _code(place.programs[name], method, path, body) == (401, "unauthorized")
    for name in ("lead", "member", "viewer", "stranger"):
        for scope, wanted in _wanted(name, method, path, may, status).items():
            assert _code(place.programs[f"{name}_{scope}"], method, path, body) == wanted
    # the act is done once: by the last who may, or by the administrator when nobody else may
    assert _code(place.programs[[*(may[-1:] or ["admin"])][0]], method, path, body)[0] == status
    if method == "GET":
        assert _code(place.admin, method, path, body)[0] == status


def _wanted(
    name: str, method: str, path: str, may: tuple[str, ...], status: int
) -> dict[str, tuple[int, str]]:
    """Scope -> what this person's token is answered, acts that succeed left out."""
    if path.startswith(("/inboxes", "/deliveries")):
        return {"read": SCOPE, "write": SCOPE, "admin": UNKNOWN}
    refused = UNKNOWN if name == "stranger" else FORBIDDEN
    if method == "GET":
        return {"read": (status, "") if name in may else refused}
    return {"read": SCOPE} if name in may else {"read": SCOPE, "write": refused}


def test_a_token_that_reads_as_an_administrator_sees_only_what_its_owner_belongs_to(place: Place) -> None:
    assert place.admin_read.get("/projects/ORC").status_code == 404
    assert place.admin_write.get("/projects/ORC").status_code == 404
    assert place.admin.get("/projects/ORC").status_code == 200


def test_in_a_public_project_a_stranger_reports_and_comments_and_does_not_sort(place: Place) -> None:
    opened = place.stranger.post("/projects/PUB/issues", {"title": "It is slow"})
    assert opened.status_code == 201
    key = opened.json["key"]
    assert place.stranger.patch(f"/issues/{key}", {"title": "It is very slow"}).status_code == 200
    assert place.stranger.patch(f"/issues/{key}", {"priority": "urgent"}).status_code == 403
    assert place.stranger.patch("/issues/PUB-1", {"title": "Mine now"}).status_code == 403
    assert place.stranger.post(f"/issues/{key}/status", {"step": "close"}).status_code == 403
    assert place.stranger.post("/issues/PUB-1/comments", {"body": "Me too"}).status_code == 201
    refused = place.stranger.post("/projects/PUB/issues", {"title": "Again", "priority": "urgent"})
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "forbidden")


def test_one_rewrites_and_removes_ones_own_comment_and_a_lead_those_of_others(place: Place) -> None:
    said = place.member.post("/issues/ORC-1/comments", {"body": "One"}).json
    path = f"/issues/ORC-1/comments/{said['id']}"
    assert place.member.patch(path, {"body": "Two"}).json["version"] == 2
    assert place.lead.patch(path, {"body": "Three", "version": 1}).status_code == 409
    assert place.lead.patch(path, {"body": "Three", "version": 2}).json["author"] == place.usernames["member"]
    assert place.member.delete(path).status_code == 204
    assert place.member.delete(path).status_code == 409
    shown = place.lead.get("/issues/ORC-1/comments").json["items"]
    assert [(one["body"], one["deleted_at"] is not None) for one in shown] == [("", True)]
    other = place.lead.post("/issues/ORC-1/comments", {"body": "Mine"}).json
    assert place.member.delete(f"/issues/ORC-1/comments/{other['id']}").status_code == 403
    assert place.lead.delete(f"/issues/PUB-1/comments/{other['id']}").status_code == 404


def test_a_person_who_left_the_project_sees_none_of_it_at_once(place: Place) -> None:
    uid = place.member.get("/issues/ORC-1/events").json["items"][0]["uid"]
    assert place.lead.delete(f"/projects/ORC/members/{place.usernames['member']}").status_code == 204
    gone = ("/projects/ORC", "/issues/ORC-1", "/issues/ORC-1/events", f"/events/{uid}", "/events?project=ORC")
    for path in gone:
        assert place.member.get(path).status_code == 404
    seen = place.member.get("/events?limit=100").json["items"]
    assert {event["project"] for event in seen} <= {"PUB", None}


def test_another_persons_account_events_are_not_in_the_log(place: Place) -> None:
    seen = place.member.get("/events?limit=100").json["items"]
    about_people = [event for event in seen if event["subject"] == "user"]
    assert about_people
    assert {event["actor"]["username"] for event in about_people if event["actor"]["username"]} == {
        place.usernames["member"]
    }
    everything = place.admin.get("/events?limit=100").json["items"]
    assert len(everything) > len(seen)


def test_a_method_nobody_thought_of_is_denied() -> None:
    assert needed_scope("/api/v1/projects", "OPTIONS") is None
    assert needed_scope("/api/v1/inboxes/<name>", "TRACE") is None
    assert needed_scope("/api/v1/deliveries", "GET") == "admin"
