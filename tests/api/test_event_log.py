"""The log: everything a token may see, in a stable order, and nothing ever skipped."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from app import clock
from app.accounts.user import User
from app.db import begin_write, db
from app.events.issue_actions import TitleChanged
from app.events.recording import record_event
from app.extensions import limiter
from app.inboxes.dispatch import drain
from app.inboxes.registry import queues
from app.issues.issue import Issue
from tests.api.conftest import Place, Program

PATIENCE = 30
WRITERS, EACH = 8, 25


@pytest.fixture(autouse=True)
def _no_limit(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers and writers here are faster than the limit of one token allows."""
    monkeypatch.setattr(limiter, "enabled", False)


def follow(program: Program, cursor: str | None = None, query: str = "") -> tuple[list[str], str | None]:
    """Everything after the cursor, page by page, and where to go on."""
    seen: list[str] = []
    while True:
        after = f"&after={cursor}" if cursor else ""
        page = program.get(f"/events?limit=7{query}{after}").json
        seen += [event["uid"] for event in page["items"]]
        if page["next_cursor"] is None:
            return seen, cursor
        cursor = page["next_cursor"]


def test_following_the_cursor_brings_everything_once_in_one_order(place: Place) -> None:
    first, cursor = follow(place.lead)
    assert len(first) == len(set(first))
    assert follow(place.lead, cursor) == ([], cursor)
    place.lead.post("/issues/ORC-1/comments", {"body": "One more"})
    later, _ = follow(place.lead, cursor)
    assert len(later) == 1
    assert follow(place.lead)[0] == first + later


def test_a_project_narrows_the_log(place: Place) -> None:
    only, _ = follow(place.lead, query="&project=ORC")
    issue = place.lead.get("/issues/ORC-1/events").json["items"]
    assert {event["uid"] for event in issue} < set(only)
    page = place.lead.get("/events?project=orc&limit=100").json["items"]
    assert {event["project"] for event in page} == {"ORC"}


def test_family_action_and_actor_narrow_the_log(place: Place) -> None:
    place.member.post("/issues/ORC-1/comments", {"body": "Hello"})
    place.lead.post("/issues/ORC-1/comments", {"body": "Hello"})
    place.lead.post("/issues/ORC-1/status", {"step": "start"})
    place.lead.post("/issues/ORC-1/status", {"step": "close"})

    def told(query: str) -> list[tuple[str, str, str | None]]:
        events = place.lead.get(f"/events?limit=100&{query}").json["items"]
        return [(event["subject"], event["action"], event["actor"]["username"]) for event in events]

    lead, member = place.usernames["lead"], place.usernames["member"]
    assert told("family=status") == [("issue", "status_changed", lead), ("issue", "closed", lead)]
    assert told("action=closed") == [("issue", "closed", lead)]
    assert told(f"action=commented&actor={member.upper()}") == [("issue", "commented", member)]
    assert told("family=discussion&action=closed") == []
    assert {subject for subject, _, _ in told("family=content")} == {"issue"}, "a project is opened, too"
    assert {subject for subject, _, _ in told("family=project")} == {"project"}
    assert set(told("action=created")) >= {("issue", "created", lead), ("project", "created", lead)}


def test_a_narrowed_log_is_followed_without_a_gap(place: Place) -> None:
    for _ in range(9):
        place.lead.post("/issues/ORC-1/comments", {"body": "Hello"})
        place.lead.patch("/issues/ORC-1", {"priority": "high"})
        place.lead.patch("/issues/ORC-1", {"priority": "low"})
    said, cursor = follow(place.lead, query="&action=commented")
    assert len(said) == 9
    place.lead.patch("/issues/ORC-1", {"priority": "urgent"})
    assert follow(place.lead, cursor, "&action=commented") == ([], cursor)
    newest = place.lead.post("/issues/ORC-1/comments", {"body": "One more"})
    assert newest.status_code == 201
    assert len(follow(place.lead, cursor, "&action=commented")[0]) == 1
    assert len(follow(place.lead, cursor)[0]) > 2, "the cursor is that of the whole log"


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("family=nonsense", "family", "There are: content, status, people, planning, discussion, attention,"),
        ("family=", "family", "There is no family “”"),
        ("action=nonsense", "action", "There is no action “nonsense”"),
        ("actor=nobody9", "actor", "There is nobody called “nobody9”"),
    ],
)
def test_what_nothing_is_called_is_refused_at_its_field(
    place: Place, query: str, field: str, words: str
) -> None:
    answer = place.lead.get(f"/events?{query}")
    assert (answer.status_code, answer.json["error"]["field"]) == (422, field)
    assert words in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_a_late_commit_is_not_skipped(place: Place) -> None:
    """A transaction that wrote first and commits last: whoever has read on still gets it.

    Not on SQLite, where one transaction writes at a time.
    """
    _, cursor = follow(place.lead)
    wrote, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with place.app.app_context():
            begin_write()
            _retitle(place, "PUB", "Written first, committed last")
            wrote.set()
            assert may_commit.wait(PATIENCE)
            db.session.commit()

    writer = threading.Thread(target=slow)
    writer.start()
    assert wrote.wait(PATIENCE)
    fast = place.lead.post("/issues/ORC-1/comments", {"body": "Written last, committed first"})
    assert fast.status_code == 201
    meanwhile, cursor = follow(place.lead, cursor)
    may_commit.set()
    writer.join(PATIENCE)
    afterwards, _ = follow(place.lead, cursor)
    assert len(set(meanwhile)) + len(set(afterwards)) == 2
    assert set(afterwards).isdisjoint(meanwhile)


def test_a_reader_beside_eight_writers_gets_every_event_once(place: Place) -> None:  # noqa: PLR0915
    _, start = follow(place.lead)
    keys = [_open(place, f"Of writer {n}") for n in range(WRITERS)]
    done = threading.Event()
    seen: list[str] = []

    def read() -> str | None:
        cursor = start
        while not done.is_set():
            more, cursor = follow(place.lead_read, cursor)
            seen.extend(more)
        more, cursor = follow(place.lead_read, cursor)
        seen.extend(more)
        return cursor

    def write(key: str) -> None:
        for n in range(EACH):
            _say(place.lead, key, n)

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reader = pool.submit(read)
        try:
            list(pool.map(write, keys))
        finally:
            done.set()
        reader.result(PATIENCE)
    for key in keys:
        events = place.lead.get(f"/issues/{key}/events?limit=100").json["items"]
        assert [event["seq"] for event in events] == list(range(1, EACH + 2))
    assert len(seen) == len(set(seen)) == WRITERS * (EACH + 1)
    assert follow(place.lead, start)[0] == seen


def test_the_deliveries_of_an_event_name_others_to_leads_only(place: Place) -> None:
    place.member.put("/issues/ORC-1/subscription")
    place.viewer.put("/issues/ORC-1/subscription")
    place.lead.post("/issues/ORC-1/comments", {"body": "Hear, hear"})
    uid = place.lead.get("/issues/ORC-1/events").json["items"][-1]["uid"]
    _deliver(place)

    def told(program: Program) -> set[str]:
        rows = program.get(f"/events/{uid}/deliveries").json["items"]
        one = next(row for row in rows if row["inbox"] == "in_app_notifications")
        assert (one["state"], one["reason"], one["event"]) == ("delivered", "told 2 people", uid)
        return {target["target"] for target in one["targets"]}

    both = {place.usernames["member"], place.usernames["viewer"]}
    assert told(place.lead) == told(place.admin) == both
    assert told(place.member) == {place.usernames["member"]}
    assert told(place.viewer_read) == {place.usernames["viewer"]}


def test_an_inbox_that_is_switched_off_skips_and_a_skipped_delivery_can_be_sent_again(place: Place) -> None:
    place.member.put("/issues/ORC-1/subscription")
    off = place.admin.patch("/inboxes/in_app_notifications", {"enabled": False})
    assert (off.status_code, off.json["enabled"]) == (200, False)
    place.lead.post("/issues/ORC-1/comments", {"body": "Unheard"})
    skipped = place.admin.get("/deliveries?state=skipped&inbox=in_app_notifications").json["items"][0]
    assert (skipped["state"], skipped["reason"]) == ("skipped", "off")
    assert place.admin.post(f"/deliveries/{skipped['id']}/retry").status_code == 409
    place.admin.patch("/inboxes/in_app_notifications", {"enabled": True})
    again = place.admin.post(f"/deliveries/{skipped['id']}/retry")
    assert (again.status_code, again.json["state"]) == (200, "pending")
    assert place.admin.post(f"/deliveries/{skipped['id']}/retry").status_code == 409
    _deliver(place)
    rows = place.admin.get("/deliveries?state=delivered&inbox=in_app_notifications&limit=1").json["items"]
    assert [(row["id"], row["reason"]) for row in rows] == [(skipped["id"], "told 1 person")]
    assert place.admin.post("/deliveries/999999/retry").status_code == 404


def test_quiet_is_recorded_and_nobody_is_told(place: Place) -> None:
    place.member.put("/issues/ORC-1/subscription")
    place.lead.post("/issues/ORC-1/comments", {"body": "Hush"}, Quiet="true")
    event = place.lead.get("/issues/ORC-1/events").json["items"][-1]
    assert event["quiet"] is True
    _deliver(place)
    rows = place.lead.get(f"/events/{event['uid']}/deliveries").json["items"]
    one = next(row for row in rows if row["inbox"] == "in_app_notifications")
    assert (one["state"], one["reason"]) == ("skipped", "done quietly")


def _say(program: Program, key: str, n: int) -> None:
    """Comment as a program does that keeps to the description: told that the database is busy, ask again."""
    end = clock.monotonic() + PATIENCE
    while True:
        body = {"body": f"Number {n}"}
        answer = program.post(f"/issues/{key}/comments", body, Idempotency_Key=f"{key}-{n}")
        if answer.status_code != 503 or clock.monotonic() > end:
            break
    assert answer.status_code == 201, answer.text


def _open(place: Place, title: str) -> str:
    key = place.lead.post("/projects/ORC/issues", {"title": title}).json["key"]
    assert isinstance(key, str)
    return key


def _retitle(place: Place, project: str, title: str) -> None:
    issue = db.session.scalars(
        db.select(Issue).where(Issue.project_id == _project_id(project)).order_by(Issue.id)
    ).first()
    user = db.session.scalar(db.select(User).where(User.username == place.usernames["lead"]))
    assert issue is not None
    assert user is not None
    before, issue.title = issue.title, title
    record_event(issue, TitleChanged(from_=before, to=title), actor=user.actor)


def _project_id(key: str) -> int:
    found = db.session.scalar(text("SELECT id FROM projects WHERE key = :key").bindparams(key=key))
    assert isinstance(found, int)
    return found


def _deliver(place: Place) -> None:
    """What a worker does, here and now."""
    with place.app.app_context():
        for queue in queues():
            drain(queue, seconds=PATIENCE)
