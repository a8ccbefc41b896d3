"""/live as a browser sees it."""

import json
import signal
import threading
from collections.abc import Callable
from datetime import timedelta

import time_machine

from app.clock import now
from app.live.publish import kick, publish
from tests.webprocess import Site, seconds_of


def test_a_stream_begins_with_where_its_topics_are(site: Site) -> None:
    site.set_head(7, 62)
    stream = site.open(site.token(1, "issue:7", "issue:8"))
    assert stream.status == 200
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.headers["cache-control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"
    assert stream.event() == ("heads", {"issue:7": 62})


def test_what_is_published_is_passed_on_at_once(site: Site) -> None:
    site.set_head(7, 62)
    stream = site.open(site.token(1, "issue:7"))
    stream.event()
    site.set_head(7, 63)
    with site.app.app_context():
        publish("issue:7", 63)
    assert stream.event(1.5) == ("live", {"t": "issue:7", "n": 63, "w": 2})


def test_a_change_that_was_never_published_is_found_within_the_tail(site: Site) -> None:
    site.set_head(7, 62)
    stream = site.open(site.token(1, "issue:7"))
    stream.event()
    site.set_head(7, 63)
    assert stream.event(4) == ("live", {"t": "issue:7", "n": 63, "w": 2})


def test_a_newcomer_who_finds_a_change_tells_those_who_were_there(site: Site) -> None:
    site.set_head(7, 62)
    first = site.open(site.token(1, "issue:7"))
    first.event()
    site.set_head(7, 63)
    second = site.open(site.token(2, "issue:7"))
    assert second.event() == ("heads", {"issue:7": 63})
    assert first.event(4) == ("live", {"t": "issue:7", "n": 63, "w": 4})


def test_other_topics_are_not_heard(site: Site) -> None:
    stream = site.open(site.token(1, "issue:7"))
    stream.event()
    with site.app.app_context():
        publish("issue:8", 5)
        publish("issue:7", 1)
    assert stream.event(4) == ("live", {"t": "issue:7", "n": 1, "w": 2})


def test_a_kick_ends_the_streams_of_that_person_only(site: Site) -> None:
    mine, other = site.open(site.token(1, "issue:7")), site.open(site.token(2, "issue:7"))
    assert mine.event()
    assert other.event()
    with site.app.app_context():
        kick(1)
    assert mine.event(3) is None
    with site.app.app_context():
        publish("issue:7", 9)
    assert other.event(3) == ("live", {"t": "issue:7", "n": 9, "w": 2})


def test_the_ninth_stream_of_a_person_ends_the_first(site: Site) -> None:
    token = site.token(1, "issue:7")
    streams = [site.open(token) for _ in range(9)]
    assert all(stream.event() for stream in streams)
    assert streams[0].event(3) is None
    with site.app.app_context():
        publish("issue:7", 9)
    assert all(stream.event(3) for stream in streams[1:])


def test_tokens_that_do_not_hold_get_401(site: Site) -> None:
    good = site.token(1, "issue:7")
    tampered = good[:-5] + ("A" if good[-5] != "A" else "B") + good[-4:]
    with time_machine.travel(now() - timedelta(hours=13)):
        expired = site.token(1, "issue:7")
    for token in (
        "",
        "nonsense",
        tampered,
        expired,
        site.token(1, "issue:7", epoch=0),
        site.token(99, "issue:7"),
    ):
        assert site.open(token).status == 401
        assert site.get(f"/live/heads?token={token}")[0] == 401


def test_a_token_without_topics_tells_the_browser_to_stop(site: Site) -> None:
    assert site.open(site.token(1)).status == 204


def test_the_json_fallback_gives_the_same_numbers(site: Site) -> None:
    site.set_head(7, 62)
    status, body = site.get(f"/live/heads?token={site.token(1, 'issue:7')}")
    assert (status, json.loads(body)) == (200, {"issue:7": 62})


def test_fifty_open_streams_do_not_delay_a_stop(site: Site) -> None:
    streams = [site.open(site.token(None, "issue:7")) for _ in range(50)]
    assert all(stream.event() for stream in streams)
    site.program.signal(signal.SIGTERM)
    assert seconds_of(lambda: site.program.end(5)) < 1.5
    assert all(stream.event() is None for stream in streams)


def test_without_redis_a_page_can_publish_and_the_tail_carries_the_news(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(redis_url="unix:///nowhere/at/all.sock")
    stream = site.open(site.token(1, "issue:7"))
    assert stream.event() == ("heads", {})
    site.set_head(7, 1)
    with site.app.app_context():
        publish("issue:7", 1)
        kick(1)
    assert stream.event(4) == ("live", {"t": "issue:7", "n": 1, "w": 2})


def test_many_streams_that_come_at_once_are_all_greeted(site: Site) -> None:
    site.set_head(7, 62)
    tokens = [site.token(None, "issue:7")] * 40 + [
        site.token(user, "issue:7") for user in (1, 2) for _ in range(8)
    ]
    greetings: list[object] = []
    threads = [
        threading.Thread(target=lambda t=token: greetings.append(site.open(t).event())) for token in tokens
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert greetings == [("heads", {"issue:7": 62})] * len(tokens)


def test_only_live_is_served_when_asked_for(make_site: Callable[..., Site]) -> None:
    site = make_site("--live-only")
    assert site.get("/")[0] == 404
    assert site.open(site.token(1, "issue:7")).status == 200
