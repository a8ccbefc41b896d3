"""The one door to the outside by HTTP: everything Tidings sends over the web goes through `request`.

The name is resolved once, every address it has is judged, and the connection is made to an address that was judged
(so a name that changes its mind meanwhile gains nothing). Redirects are answers and not followed. One deadline holds
for the whole exchange: name, connection, TLS, headers and a body that drips. Nothing of the environment (proxies,
netrc) is looked at. Blocking; safe in threads; never to be called inside a write transaction.
"""

import http.client
import io
import ipaddress
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from app import clock
from app.addresses import Address, AddressRefused, Place, allowed_places, judge, parse

__all__ = ["AddressRefused", "Answer", "Unreachable", "check_address", "request"]

MOST_HEADERS = 65_536
"""Bytes of an answer's headers; http.client refuses more than 100 of them by itself."""
CHECK_SECONDS = 3.0
"""How long a form waits for a name to be resolved."""
AGENT = "Tidings/0.1 (+webhooks)"

lookup: Callable[..., list[Any]] = socket.getaddrinfo
"""Where somebody else's system begins: the resolver of this machine."""


class Unreachable(Exception):
    """No answer: the name, the connection, TLS, the time, or what came back. The text is a sentence for people."""

    handed_over = False
    """Whether the whole request had been sent: the receiver may have acted on it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers` by lower-case name; `body` as sent, cut at `most` bytes when `truncated`."""

    status: int
    headers: dict[str, str]
    body: bytes
    truncated: bool
    seconds: float


class Deadline:
    """A moment that is never moved."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.start = clock.monotonic()

    def passed(self) -> float:
        return clock.monotonic() - self.start

    def left(self) -> float:
        """Seconds that remain. Raises TimeoutError when there are none."""
        left = self.seconds - self.passed()
        if left <= 0:
            raise TimeoutError
        return left


def request(  # noqa: PLR0913 - the door's one signature, all but two by keyword
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    allowed: Sequence[str] = (),
    seconds: float = 10.0,
    most: int = 65_536,
) -> Answer:
    """Send one request and read its answer, whatever its status; at most `most` bytes of the body.

    Raises AddressRefused when the address may not be reached, Unreachable when there was no whole answer within
    `seconds`. `allowed`: hosts, addresses and networks open besides the public internet, on any port.
    """
    place = parse(url)
    deadline = Deadline(seconds)
    line: _Line | None = None
    try:
        addresses = _resolve(place, deadline)
        judge(place, addresses, allowed_places(tuple(allowed)))
        with _connect(place, addresses, deadline) as line:
            return _exchange(line, place, method, _headers(place, headers), body, most)
    except (OSError, http.client.HTTPException) as error:
        late = isinstance(error, TimeoutError)
        words = f"{place.host} did not answer within {seconds:g} seconds" if late else _in_words(place, error)
        unreachable = Unreachable(words)
        unreachable.handed_over = line is not None and line.handed_over
        raise unreachable from error


def check_address(url: str, *, allowed: Sequence[str] = ()) -> None:
    """Raise AddressRefused when a form should not take this address.

    A name that resolves to nothing at the moment passes: every attempt looks again, and says so.
    """
    place = parse(url)
    try:
        addresses = _resolve(place, Deadline(CHECK_SECONDS))
    except (TimeoutError, Unreachable, OSError):
        addresses = []
    judge(place, addresses, allowed_places(tuple(allowed)))


def _resolve(place: Place, deadline: Deadline) -> list[Address]:
    """Every address of the place. The resolver knows no deadline, so it works in a thread that may be left behind."""
    if place.literal is not None:
        return [place.literal]
    answers: queue.SimpleQueue[list[Any] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(lookup(place.host, place.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise Unreachable(f"The name {place.host} is not known on the internet") from answer
    return list(dict.fromkeys(ipaddress.ip_address(info[4][0].partition("%")[0]) for info in answer))


def _connect(place: Place, addresses: Sequence[Address], deadline: Deadline) -> "_Line":
    """A connection to the first of the addresses that takes one; each gets its share of the time."""
    failure: OSError = ConnectionError("it has no address")
    for number, address in enumerate(addresses):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(deadline.left() / (len(addresses) - number))
            plain.connect((str(address), place.port))
            return _Line(_secured(plain, place, deadline), deadline)
        except OSError as error:
            plain.close()
            failure = error
    raise failure


def _secured(plain: socket.socket, place: Place, deadline: Deadline) -> socket.socket:
    if place.scheme == "http":
        return plain
    plain.settimeout(deadline.left())
    return _tls().wrap_socket(plain, server_hostname=place.host)


@cache
def _tls() -> ssl.SSLContext:
    """The machine's certificate authorities (SSL_CERT_FILE adds to them). Made once: it reads a hundred of them."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Line(io.RawIOBase):
    """A socket to http.client, of which every reading and sending ends at the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self.sock = sock
        self.deadline = deadline
        self.headers_left: int | None = MOST_HEADERS
        self.handed_over = False
        self.reader = io.BufferedReader(self)

    def makefile(self, _mode: str) -> "io.BufferedReader[_Line]":
        return self.reader

    def sendall(self, data: bytes) -> None:
        self.sock.settimeout(self.deadline.left())
        self.sock.sendall(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.sock.settimeout(self.deadline.left())
        count = self.sock.recv_into(buffer)
        if self.headers_left is not None:
            self.headers_left -= count
            if self.headers_left < 0:
                raise http.client.HTTPException("its headers do not end")
        return count

    def close(self) -> None:
        self.sock.close()
        super().close()


def _headers(place: Place, given: Mapping[str, str] | None) -> dict[str, str]:
    """The caller's headers, and over them those that are ours to say."""
    headers = {"user-agent": AGENT} | {name.lower(): value for name, value in (given or {}).items()}
    return headers | {"host": place.host_header, "accept-encoding": "identity", "connection": "close"}


def _exchange(
    line: _Line, place: Place, method: str, headers: Mapping[str, str], body: bytes | None, most: int
) -> Answer:
    connection = http.client.HTTPConnection(place.host, place.port)
    connection.sock = line
    connection.request(method, place.path, body=body, headers=dict(headers))
    line.handed_over = True
    response = _final_response(line, method)
    line.headers_left = None
    found: dict[str, str] = {}
    for spelled, value in response.getheaders():
        name = spelled.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    content, truncated = _body(response, most)
    return Answer(response.status, found, content, truncated, line.deadline.passed())


def _final_response(line: _Line, method: str) -> http.client.HTTPResponse:
    """The first answer that is not interim (103 Early Hints); all of them count against the size of the headers."""
    while True:
        response = http.client.HTTPResponse(line, method=method)  # type: ignore[arg-type] # it asks for makefile only
        response.begin()
        if response.status >= 200:
            return response
        if response.status == 101:
            raise http.client.HTTPException("it wants to speak something else than HTTP")
        response.fp = None  # type: ignore[assignment] # what follows is read by the next one


def _body(response: http.client.HTTPResponse, most: int) -> tuple[bytes, bool]:
    """At most `most` bytes, and whether there were more."""
    content = bytearray()
    while len(content) <= most:
        piece = response.read(most + 1 - len(content))
        if not piece:
            break
        content += piece
    truncated = len(content) > most
    if not truncated and response.length:
        raise http.client.HTTPException("the answer ended before its length")
    return bytes(content[:most]), truncated


def _in_words(place: Place, error: Exception) -> str:
    host = place.host
    match error:
        case ssl.SSLCertVerificationError():
            said = f"The certificate of {host} is not valid: {error.verify_message}"
        case ssl.SSLError():
            said = f"No secure connection with {host}: {(error.reason or 'TLS failed').lower().replace('_', ' ')}"
        case ConnectionRefusedError():
            said = f"{host} refused the connection on port {place.port}"
        case http.client.RemoteDisconnected() | ConnectionResetError() | BrokenPipeError():
            said = f"{host} closed the connection without an answer"
        case http.client.IncompleteRead():
            said = f"{host} closed the connection in the middle of its answer"
        case http.client.HTTPException():
            said = f"{host} did not answer as the web does: {_plain(error) or type(error).__name__}"
        case _:
            said = f"{host} cannot be reached: {getattr(error, 'strerror', None) or error}"
    return said


def _plain(error: Exception) -> str:
    """What an error quotes of the answer, as far as it can be printed."""
    return "".join(one for one in str(error)[:120] if one.isprintable())
