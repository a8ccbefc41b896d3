"""The door to the outside: where it goes, where it does not, and that it is never held up."""

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import http
from app.http import AddressRefused, Answer, Unreachable, check_address, request
from tests.support.certificates import certificate
from tests.support.sink import HUGE, SAID, Sink, sink

LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
def there() -> Iterator[Sink]:
    with sink() as one:
        yield one


def names(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], list[str]]) -> None:
    """A resolver of our own, in the place of this machine's."""

    def look(host: str, port: int, **_rest: Any) -> list[Any]:
        found = answer(host)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(http, "lookup", look)


def post(there: Sink, mode: str = "200", **options: Any) -> Answer:
    there.mode["/hook"] = mode
    return request("POST", there.url(), body=b"{}", allowed=LOOPBACK, **options)


def test_a_request_arrives_as_it_was_sent(there: Sink) -> None:
    answer = request(
        "POST",
        there.url("/hook?a=1"),
        headers={"X-One": "1", "Host": "evil"},
        body=b"words",
        allowed=LOOPBACK,
    )
    [arrival] = there.arrivals
    assert (answer.status, answer.body, answer.truncated) == (200, SAID, False)
    assert answer.headers["content-type"] == "application/json"
    assert (arrival.method, arrival.path, arrival.body) == ("POST", "/hook?a=1", b"words")
    assert arrival.headers["x-one"] == "1"
    assert arrival.headers["host"] == f"127.0.0.1:{there.port}"
    assert arrival.headers["accept-encoding"] == "identity"
    assert arrival.headers["content-length"] == "5"


@pytest.mark.parametrize("status", ["204", "301", "302", "400", "410", "429 30", "500", "503 5"])
def test_every_status_is_an_answer_and_none_is_followed(there: Sink, status: str) -> None:
    answer = post(there, status)
    assert answer.status == int(status[:3])
    assert answer.headers.get("retry-after", "") == status[4:]
    assert [one.path for one in there.arrivals] == ["/hook"]


@pytest.mark.parametrize("mode", ["hang", "drip", "slow headers"])
def test_the_deadline_holds_for_the_whole_exchange(there: Sink, mode: str) -> None:
    start = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer within 1 seconds"):
        post(there, mode, seconds=1.0)
    assert 0.9 < time.monotonic() - start < 1.5


def test_a_name_that_never_resolves_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    ending = threading.Event()
    names(monkeypatch, lambda _host: ["127.0.0.1"] if ending.wait(20) else [])
    start = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer within"):
        request("GET", "http://slow.example/", seconds=0.5)
    assert time.monotonic() - start < 1.0
    ending.set()


def test_a_connection_that_nobody_takes_ends_at_the_deadline() -> None:
    """A full queue of connections lets the next one wait, as a firewall that drops does."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        start = time.monotonic()
        with pytest.raises(Unreachable, match="did not answer within"):
            request("GET", f"http://127.0.0.1:{port}/", allowed=LOOPBACK, seconds=0.5)
        assert time.monotonic() - start < 1.0
        for one in waiting:
            one.close()


def test_a_server_that_says_nothing_in_tls_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        start = time.monotonic()
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(Unreachable, match="did not answer within"):
            request("GET", url, allowed=LOOPBACK, seconds=0.5)
        assert time.monotonic() - start < 1.0


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("reset", "closed the connection"),
        ("early end", "ended before its length"),
        ("garbage", "did not answer as the web does"),
        ("endless headers", "headers do not end"),
        ("many headers", "more than 100 headers"),
    ],
)
def test_a_broken_answer_is_said_in_words(there: Sink, mode: str, words: str) -> None:
    with pytest.raises(Unreachable, match=words):
        post(there, mode, seconds=5.0)


def test_a_hundred_mebibytes_are_not_read(there: Sink) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = post(there, "huge")
    assert (len(answer.body), answer.truncated) == (65_536, True)
    assert answer.seconds < 2
    assert there.sent < HUGE / 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10 * 1024


def test_pieces_and_early_hints_are_understood(there: Sink) -> None:
    assert post(there, "chunked").body == b"onetwo"
    assert post(there, "early hints").body == b"ok"


def test_nobody_listening_is_said_in_words(free_port: int) -> None:
    with pytest.raises(Unreachable, match="refused the connection"):
        request("GET", f"http://127.0.0.1:{free_port}/", allowed=LOOPBACK)


def test_an_unknown_name_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, lambda _host: [])
    with pytest.raises(Unreachable, match=r"nowhere\.example is not known"):
        request("GET", "http://nowhere.example/")
    check_address("http://nowhere.example/")


def test_the_certificate_must_be_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, lambda _host: ["127.0.0.1"])
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path, "good.example") / "cert.pem"))
    http._tls.cache_clear()
    try:
        with sink(tls=tmp_path) as there:
            answer = request("GET", f"https://good.example:{there.port}/", allowed=LOOPBACK)
            assert answer.status == 200
            assert there.arrivals[0].headers["host"] == f"good.example:{there.port}"
            with pytest.raises(Unreachable, match=r"certificate of other\.example is not valid"):
                request("GET", f"https://other.example:{there.port}/", allowed=LOOPBACK)
    finally:
        http._tls.cache_clear()


def test_a_name_that_changes_its_mind_after_it_was_judged_gains_nothing(
    there: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def changing(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) % 2 else ["10.0.0.1"]

    names(monkeypatch, changing)
    url = f"http://rebinding.example:{there.port}/hook"
    assert request("POST", url, body=b"", allowed=LOOPBACK).status == 200
    assert asked == ["rebinding.example"]  # asked once; the judged address is the one connected to
    with pytest.raises(AddressRefused):
        request("POST", url, body=b"", allowed=LOOPBACK)  # judged again at every attempt
    assert len(there.arrivals) == 1


def test_one_refused_address_among_many_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, lambda _host: ["8.8.8.8", "127.0.0.1"])
    with pytest.raises(AddressRefused, match="leads to this machine"):
        request("GET", "http://half.example/")


def test_the_next_address_is_tried_when_one_refuses(there: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, lambda _host: ["127.9.9.9", "127.0.0.1"])
    assert request("GET", f"http://two.example:{there.port}/", allowed=LOOPBACK).status == 200


def test_an_allowed_host_is_open_on_any_port_and_its_neighbour_is_not(
    there: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, lambda _host: ["127.0.0.1"])
    request("GET", f"http://hooks.example:{there.port}/", allowed=("hooks.example",))
    with pytest.raises(AddressRefused, match="leads to this machine"):
        request("GET", f"http://a.hooks.example:{there.port}/", allowed=("hooks.example",))
    assert len(there.arrivals) == 1


def test_another_port_on_the_internet_is_refused() -> None:
    with pytest.raises(AddressRefused, match="Only the ports 80 and 443"):
        check_address("https://8.8.8.8:6379/")


def test_the_environment_says_nothing_to_the_door(there: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert post(there).status == 200


def test_a_header_cannot_be_smuggled(there: Sink) -> None:
    with pytest.raises(ValueError, match="Invalid header value"):
        request("GET", there.url(), headers={"X": "a\r\nHost: b"}, allowed=LOOPBACK)
    assert there.arrivals == []
