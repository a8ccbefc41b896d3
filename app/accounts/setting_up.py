"""The first administrator of a fresh installation."""

import base64
import hmac
import ipaddress
from hashlib import sha256

from sqlalchemy import text

from app.accounts.people import create_person
from app.accounts.queries import anybody_claimed
from app.accounts.signing_in import Browser, Entry, enter
from app.db import db
from app.errors import Invalid, NotFound

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


def require_fresh() -> None:
    """Raises NotFound once anybody can sign in: the page is gone then."""
    if anybody_claimed():
        raise NotFound


def set_up(*, username: str, email: str, name: str, password_hash: str, zone: str, browser: Browser) -> Entry:
    """Make the first administrator and sign them in; the caller commits. NotFound if somebody was faster."""
    if db.session.get_bind().dialect.name == "postgresql":
        # one after the other: the second sees the first one's person (SQLite has one writer anyway)
        db.session.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))
    require_fresh()
    user = create_person(
        username=username,
        email=email,
        name=name,
        password_hash=password_hash,
        zone=zone,
        via="setup",
        actor=None,
        admin=True,
    )
    return enter(user, browser, method="setup")


def is_local(address: str | None, host: str, forwarded: bool) -> bool:
    """Whether the visitor sits at this machine: by address and by name, and with no proxy in between."""
    try:
        loopback = ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return loopback and name.lower() in LOCAL_NAMES and not forwarded


def code(secret_key: str) -> str:
    """The code that proves one can read the log; the same in every process, and of no use after set-up."""
    digest = hmac.new(secret_key.encode(), b"setup code", sha256).digest()
    letters = base64.b32encode(digest[:10]).decode().lower()
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


def check_code(given: str, secret_key: str) -> None:
    """Raises Invalid when it is not the code."""
    plain = given.strip().lower().replace(" ", "-").encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(plain, code(secret_key).encode()):
        raise Invalid("This is not the code in the log of this server", field="code")
