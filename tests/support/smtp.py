"""A real mail server on loopback that keeps what it was given and answers as it is told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Mailbox:
    """What arrived, and what the server answers: `answers` maps an address to its answer to RCPT."""

    port: int
    raw: list[bytes] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    data_answer: str = "250 OK"
    drops: int = 0
    """After so many messages more the connection breaks in place of the answer; the message is kept."""

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails as a mail program reads them."""
        return [BytesParser(policy=policy.default).parsebytes(one) for one in self.raw]  # type: ignore[misc]


@dataclass
class _Handler:
    """What the server asks. Apart from the mailbox: on each connection the server looks at every attribute of its
    handler, and a property that reads all mails would make it slower with each mail.
    """

    mailbox: Mailbox

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        answer = self.mailbox.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.mailbox.data_answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mailbox.raw.append(envelope.content)
            self.mailbox.receivers += envelope.rcpt_tos
        if self.mailbox.drops:
            self.mailbox.drops -= 1
            assert server.transport is not None
            server.transport.abort()
        return self.mailbox.data_answer


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def mail_server(port: int | None = None, **options: Any) -> Iterator[Mailbox]:
    """The server, ended with the block."""
    mailbox = Mailbox(port or free_port())
    controller = Controller(_Handler(mailbox), hostname="127.0.0.1", port=mailbox.port, **options)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@contextmanager
def rude_server(greeting: bytes = b"") -> Iterator[str]:
    """The address of a server that says this to whoever comes and hangs up; with nothing to say it keeps silent."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                visitor, _ = listening.accept()
            except OSError:
                return
            with visitor:
                visitor.sendall(greeting)

    if greeting:
        threading.Thread(target=answer, daemon=True).start()
    try:
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
