"""The web process: pages in threads that nobody outside can hold."""

import json
import socket
import time

from tests.webprocess import Site, seconds_of


def test_a_hundred_slow_uploads_block_neither_pages_nor_the_health_check(site: Site) -> None:
    slow = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(100)]
    for client in slow:
        client.sendall(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nonly a few bytes"
        )
    assert seconds_of(lambda: site.get("/healthz")) < 0.5
    assert seconds_of(lambda: site.get("/")) < 0.5
    assert site.get("/")[0] == 200
    for client in slow:
        client.close()


def test_slow_downloads_block_no_pages(site: Site) -> None:
    lazy = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(20)]
    for client in lazy:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert seconds_of(lambda: site.get("/")) < 1
    for client in lazy:
        client.close()
    status, body = site.get("/large")
    assert status == 200
    assert body.count(b"x") == 32 * 65536


def test_a_body_over_the_limit_gets_413_with_a_sentence(site: Site) -> None:
    status, body = site.get("/echo", method="POST", body=b"x" * (1024 * 1024 + 1))
    assert status == 413
    assert b"1024 KiB" in body
    assert site.get("/echo", method="POST", body=b"x" * 1024 * 1024) == (200, b'{"bytes":1048576}\n')


def test_a_chunked_body_is_measured_too(site: Site) -> None:
    chunked = b"".join(b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n" for _ in range(3)) + b"0\r\n\r\n"
    head = (
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as client:
        client.sendall(head + chunked)
        assert b'{"bytes":196608}' in client.makefile("rb").read()


def test_the_visitors_address_is_the_sockets_whatever_the_headers_say(site: Site) -> None:
    status, body = site.get("/facts", headers="X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\n")
    assert status == 200
    assert json.loads(body)["address"] == "127.0.0.1"


def test_strange_bytes_in_an_address_are_no_fault_of_ours(site: Site) -> None:
    assert site.get("/facts?a=%C3%A4")[1].startswith(b'{"a":"\\u00e4"')
    assert site.get("/facts?a=%FF")[0] < 500
    assert site.get("/facts?a=\xff")[0] < 500
    assert site.get("/%FF%FE")[0] < 500


def test_threads_work_side_by_side(site: Site) -> None:
    clients = [socket.create_connection(("127.0.0.1", site.port), timeout=5) for _ in range(8)]
    start = time.perf_counter()
    for client in clients:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert all(b"slow" in client.makefile("rb").read() for client in clients)
    assert time.perf_counter() - start < 1.2
    for client in clients:
        client.close()


def test_a_head_request_has_no_body(site: Site) -> None:
    assert site.get("/", method="HEAD") == (200, b"")
