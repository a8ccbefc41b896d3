"""The edge to the mail server: one message to one receiver over SMTP, and what its answer means.

`smtp://user:password@host:587?starttls=1`, or `smtps://…` for TLS from the first byte. Certificates are
checked.
"""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from app import clock

TIMEOUT_SECONDS = 10.0
"""For each answer of the server."""
EXCHANGE_SECONDS = 25.0
"""For all of them: a delivery's lease must not run out meanwhile."""


class MailRefused(Exception):
    """The server will never take this message for this receiver, or the address is none. Not tried again."""


class MailFailed(Exception):
    """The server could not be reached or asked us to come back. Tried again later."""


def send(message: EmailMessage, url: str) -> str:
    """Hand the message to the server for the one receiver in its `To`; returns the server's name.

    Raises MailRefused, MailFailed or MailInDoubt, each saying who and what the server answered.
    """
    receiver, sender = (str(message[header].addresses[0].addr_spec) for header in ("To", "From"))
    if not is_address(receiver):
        raise MailRefused(f"{receiver or 'the receiver'} is not an address")
    try:
        with _connected(url) as server:
            _hand_over(server, message, sender, receiver)
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        raise _judged(receiver, code, words) from error
    except smtplib.SMTPDataError as error:
        raise _judged(receiver, error.smtp_code, error.smtp_error) from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused(f"{receiver}: {error}") from error
    except smtplib.SMTPResponseException as error:
        # greeting, sign-in or sender: our own settings or the server's day, never this receiver's fault
        raise MailFailed(f"{receiver}: {error.smtp_code} {_words(error.smtp_error)}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailFailed(f"{receiver}: {error or type(error).__name__}") from error
    return urlsplit(url).hostname or ""


def _hand_over(server: "_Exchange", message: EmailMessage, sender: str, receiver: str) -> None:
    try:
        server.send_message(message, from_addr=sender, to_addrs=[receiver])
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        if isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused):
            raise
        if not server.has_handed_over:
            raise
        why = str(error) or type(error).__name__
        words = f"{receiver}: the server took the whole message and never said whether it keeps it ({why})"
        raise MailInDoubt(words) from error


def is_address(text: str) -> bool:
    """Whether this can be put into an SMTP command: one @, something on both sides, no spaces or controls."""
    local, at, domain = text.rpartition("@")
    plain = all(letter.isprintable() and letter not in ' <>,;:"()[]\\' for letter in text)
    return bool(at and local and domain and plain and "@" not in local and len(text) <= 254)


class MailInDoubt(Exception):
    """The server was given the whole message and never answered: it may have taken it."""


class _Exchange(smtplib.SMTP):
    """Knows what it said last, and does not go on for ever."""

    said: bytes | str = b""
    ends_at = float("inf")

    def send(self, s: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(max(0.01, min(TIMEOUT_SECONDS, self.ends_at - clock.monotonic())))
        super().send(s)
        self.said = s

    @property
    def has_handed_over(self) -> bool:
        """Whether the last thing said was the whole message up to its final dot."""
        return isinstance(self.said, bytes) and self.said.endswith(b"\r\n.\r\n")


class _TlsExchange(_Exchange, smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""


@contextmanager
def _connected(url: str) -> Iterator[_Exchange]:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    name = socket.gethostname()
    ends_at = clock.monotonic() + EXCHANGE_SECONDS
    if parts.scheme == "smtps":
        made: _Exchange = _TlsExchange(
            host,
            parts.port or 465,
            local_hostname=name,
            timeout=TIMEOUT_SECONDS,
            context=ssl.create_default_context(),
        )
    else:
        made = _Exchange(host, parts.port or 25, local_hostname=name, timeout=TIMEOUT_SECONDS)
    made.ends_at = ends_at
    try:
        _come_in(made, parts)
        yield made
        _leave(made)
    finally:
        made.close()


def _come_in(server: smtplib.SMTP, parts: SplitResult) -> None:
    """STARTTLS and signing in, as the address says. A server that knows neither is no receiver's fault."""
    try:
        if parse_qs(parts.query).get("starttls", ["0"])[0] in ("1", "true", "yes"):
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except smtplib.SMTPNotSupportedError as error:
        raise MailFailed(f"{parts.hostname}: {error}") from error


def _leave(server: smtplib.SMTP) -> None:
    """Say goodbye; the message is taken already, so a server that hangs up first changes nothing."""
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        return


def _judged(receiver: str, code: int, words: bytes | str) -> MailRefused | MailFailed:
    kind = MailRefused if 500 <= code < 600 else MailFailed
    return kind(f"{receiver}: {code} {_words(words)}")


def _words(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())
