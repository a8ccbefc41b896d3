"""One mail to one person: plain data while it waits, a MIME message when it is sent.

The Message-ID is the event, the inbox and the person: the same on every attempt. The thread is the issue.
Nothing a person wrote reaches a header unwashed: controls and line breaks are gone before it is made.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

MOST = 20_000
"""Characters of what somebody wrote that a mail carries; the rest is behind the link."""
_SPECIAL = re.compile(r'[<>()\[\]\\",;:@]')


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything a mail needs, with no row of the database behind it."""

    user_id: int
    issue_id: int | None
    message_id: str
    thread_id: str
    list_id: str
    sender: str
    """The name of who acted."""
    name: str
    address: str
    subject: str
    date: datetime
    text: str
    html: str
    unsubscribe: str


def as_message(letter: Letter, *, mail_from: str) -> EmailMessage:
    """The MIME message: text and HTML, threaded by issue, with one-click unsubscribe."""
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(f"{letter.sender} via Tidings", parseaddr(mail_from)[1])
    message["To"] = _address(letter.name, letter.address)
    message["Subject"] = _header(letter.subject)
    message["Date"] = format_datetime(letter.date)
    message["Message-ID"] = letter.message_id
    message["In-Reply-To"] = letter.thread_id
    message["References"] = letter.thread_id
    message["List-Id"] = letter.list_id
    if letter.unsubscribe:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["Precedence"] = "list"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def one_line(text: str) -> str:
    """The text on one line, without controls and direction marks."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def shortened(text: str) -> str:
    """At most MOST characters of what somebody wrote."""
    return text if len(text) <= MOST else text[:MOST].rstrip() + " …"


def _header(text: str) -> str:
    """Fit for a header. The email package decodes `=?utf-8?q?…?=` on the way, line breaks included."""
    return one_line(text.replace("=?", "= ?"))


def _address(name: str, address: str) -> Address:
    """Special characters are left out of names: mail programs disagree about how they are quoted."""
    local, _, domain = address.rpartition("@")
    return Address(_header(_SPECIAL.sub(" ", name)), username=local, domain=domain)
