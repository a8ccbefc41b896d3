"""Pages stay complete while processes are killed, the network goes, a tab is hidden, or rights are taken away."""

import json
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Orchard, orchard_in
from tests.support.browser import until
from tests.support.databases import PostgresServer, postgres_copy
from tests.support.house import EVENTS_CHILD, MAIL_CHILD, PASSWORD, WEB, WORKERS, House, house_in, say
from tests.support.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("journeys")]

RESTARTS = 5
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Orchard]:
    """The installation of all journeys, or one on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("orchard")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with (
        postgres_copy(server, "template_tidings") as url,
        house_in(tmp_path / "instance", {"DATABASE_URL": url}) as house,
    ):
        yield orchard_in(house)


def test_five_restarts_lose_and_double_nothing(either: Orchard, visitor: Callable[..., Visitor]) -> None:
    house, issue = either.house, either.issue("Restarts")
    readers = [visitor(house, person) for person in (either.ada, either.tansy)]
    for reader in readers:
        reader.watch(issue)
    written: list[str] = []
    over = threading.Event()
    failed: list[BaseException] = []

    def write() -> None:
        try:
            while not over.is_set():
                say(house, either.otis, issue, text := f"during the storm {len(written)}")
                written.append(text)
                over.wait(0.05)
        except BaseException as error:  # noqa: BLE001 - shown by the test itself
            failed.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(RESTARTS):
            at_least = len(written) + 3
            until(lambda n=at_least: len(written) >= n or failed, seconds=60, what="comments to be saved")
            kind = (EVENTS_CHILD, WORKERS, MAIL_CHILD)[number % 3]
            web, worker = house.kill(WEB), house.kill(kind)
            house.back(WEB, web)
            house.back(kind, worker)
        at_least = len(written) + 3
        until(lambda: len(written) >= at_least or failed, seconds=60, what="comments to be saved")
    finally:
        over.set()
        writer.join(60)
    assert not failed
    for reader in readers:
        reader.sees(*written, seconds=60)
        assert list(reader.arrivals()) == written
        reader.is_live()
    events = house.rows(
        f"SELECT e.seq, e.action FROM events e JOIN issues i ON i.id = e.issue_id WHERE i.number = {issue[4:]} "
        "ORDER BY e.seq"
    )
    assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
    assert sum(action == "commented" for _, action in events) == len(written)
    _all_is_delivered_once(house)


def _all_is_delivered_once(house: House) -> None:
    """Each event has a finished row per inbox, and nobody was told twice."""
    until(
        lambda: house.rows("SELECT count(*) FROM deliveries WHERE next_attempt_at IS NOT NULL") == [(0,)],
        seconds=60,
        what="all deliveries",
    )
    assert house.rows("SELECT count(*) FROM deliveries WHERE state NOT IN ('delivered', 'skipped')") == [(0,)]
    told = "SELECT count(*), count(DISTINCT event_id || '/' || user_id) FROM notifications"
    ((rows, pairs),) = house.rows(told)
    assert rows == pairs


def test_what_was_said_while_offline_comes_with_the_network(
    orchard: Orchard, visitor: Callable[..., Visitor]
) -> None:
    reader = visitor(orchard.house, orchard.tansy)
    issue = orchard.issue()
    reader.watch(issue)
    reader.context.set_offline(True)
    say(orchard.house, orchard.otis, issue, "one")
    say(orchard.house, orchard.otis, issue, "two")
    reader.context.set_offline(False)
    reader.sees("one", "two")
    reader.is_live()
    say(orchard.house, orchard.otis, issue, "three")
    reader.sees("one", "two", "three")
    assert list(reader.arrivals()) == ["one", "two", "three"]


def test_a_hidden_tab_rests_and_is_complete_when_it_is_looked_at(
    orchard: Orchard, visitor: Callable[..., Visitor]
) -> None:
    reader = visitor(orchard.house, orchard.tansy)
    reader.page.clock.install()
    issue = orchard.issue()
    reader.watch(issue)
    asked: list[str] = []
    reader.page.on("request", lambda request: asked.append(request.url))
    reader.page.evaluate(HIDE, True)
    say(orchard.house, orchard.otis, issue, "nobody looks")
    other = visitor(orchard.house, orchard.ada)
    other.watch(issue)
    other.sees("nobody looks")
    assert not [url for url in asked if "/feed" in url]
    reader.page.clock.fast_forward(11_000)
    reader.page.evaluate(HIDE, False)
    reader.sees("nobody looks")
    assert [url for url in asked if "/live?" in url], "the stream was closed while hidden, and opened again"


def test_a_new_day_gets_its_heading_when_it_arrives(
    orchard: Orchard, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    _import_old_issue(orchard.house, tmp_path)
    reader = visitor(orchard.house, orchard.ada)
    reader.watch("OLD-1")
    before = reader.page.locator("#feed .day h3").all_inner_texts()
    assert before
    assert "Today" not in before
    for text in ("now", "and again"):
        say(orchard.house, orchard.ada, "OLD-1", text)
        expect(reader.page.locator("#feed > .said").last).to_contain_text(text)
    assert reader.page.locator("#feed .day h3").all_inner_texts() == [*before, "Today"]


def _import_old_issue(house: House, folder: Path) -> None:
    when = "2020-03-01T10:00:00Z"
    comment = {
        "author": "lark",
        "authorAssociation": "NONE",
        "body": "long ago",
        "createdAt": when,
        "updatedAt": when,
    }
    one = {
        "number": 1, "id": "I_1", "title": "From long ago", "url": "https://example.org/1", "state": "CLOSED",
        "author": "juno", "authorAssociation": "NONE", "assignees": [], "labels": [], "body": "Then",
        "createdAt": "2020-02-28T10:00:00Z", "updatedAt": when, "closedAt": "2020-03-02T10:00:00Z",
        "comments": [comment],
    }  # fmt: skip
    archive = {
        "magic": "E!vIA5L86J2I", "timestamp": "2020-04-01T00:00:00+00:00", "repo": "old/one",
        "labels": [], "issues": [one], "pulls": [],
    }  # fmt: skip
    path = folder / "old.json"
    path.write_text(json.dumps(archive))
    house.flask("import", "github-archive", str(path), "--project", "OLD", "--name", "Old")


def test_who_loses_the_right_gets_nothing_more_and_is_told(
    orchard: Orchard, visitor: Callable[..., Visitor]
) -> None:
    house = orchard.house
    house.ok(orchard.ada, "POST", "/projects", {"key": "SEC", "name": "Secret"})
    house.ok(orchard.ada, "POST", "/projects/SEC/members", {"username": "bram"})
    issue = house.ok(orchard.ada, "POST", "/projects/SEC/issues", {"title": "Between us"})["key"]
    reader = visitor(house, orchard.bram)
    reader.watch(issue)
    say(house, orchard.ada, issue, "you may read this")
    reader.sees("you may read this")
    feeds: list[int] = []
    reader.page.on("response", lambda one: feeds.append(one.status) if "/feed" in one.url else None)
    house.ok(orchard.ada, "DELETE", "/projects/SEC/members/bram")
    say(house, orchard.ada, issue, "and not this")
    expect(reader.page.locator("#live-paused")).to_contain_text("reload")
    expect(reader.page.locator("[data-live-pill]")).to_have_text("Not live")
    assert 200 not in feeds
    assert "and not this" not in reader.page.content()
    answer = reader.page.request.get(f"/issues/{issue}/feed?after=1")
    assert answer.status == 404
    assert reader.go(f"/issues/{issue}").status == 404


def test_other_sessions_of_who_signs_out_stay_live(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    phone = visitor(orchard.house, orchard.otis, fresh=True)
    desk = visitor(orchard.house, orchard.otis)
    issue = orchard.issue()
    desk.watch(issue)
    phone.page.get_by_role("button", name="Sign out").click()
    expect(phone.page.locator("h1")).to_have_text("Welcome back")
    say(orchard.house, orchard.ada, issue, "still there?")
    desk.sees("still there?")
    desk.is_live()


def test_signing_out_in_one_tab_ends_the_stream_of_the_other(
    orchard: Orchard, visitor: Callable[..., Visitor]
) -> None:
    reader = visitor(orchard.house, orchard.tansy, fresh=True)
    issue = orchard.issue()
    reader.watch(issue)
    leaving = reader.tab()
    leaving.goto("/settings/appearance")
    leaving.get_by_role("button", name="Sign out").click()
    expect(leaving.locator("h1")).to_have_text("Welcome back")
    expect(reader.page.locator("[data-live-pill]")).to_have_text("Not live")
    expect(reader.page.locator("#live-paused")).to_contain_text("reload")
    say(orchard.house, orchard.ada, issue, "after the door")
    leaving.fill("input[name=email]", orchard.tansy.email)
    leaving.fill("input[name=password]", PASSWORD)
    leaving.click("main button.solid")
    expect(leaving.locator("h1")).to_have_text("Home")
    assert reader.comments() == []
    reader.page.reload()
    reader.sees("after the door")


def test_the_streams_are_counted_down_when_a_page_is_left(
    orchard: Orchard, visitor: Callable[..., Visitor]
) -> None:
    """A person may have eight streams: leaving pages frees them, so the ninth page is as live as the first."""
    reader = visitor(orchard.house, orchard.tansy)
    issues = [orchard.issue() for _ in range(3)]
    for round_of in (*issues, *issues, *issues, *issues):
        reader.go(f"/issues/{round_of}")
        reader.is_live()
    reader.watch(issues[0])
    for one, other in pairwise(["a", "b", "c"]):
        say(orchard.house, orchard.otis, issues[0], f"{one} {other}")
    reader.sees("a b", "b c")
