"""Signing in with a password, and out.

The answer is the same, and takes as long, for an address nobody has, a wrong password, a closed account and
one that was never claimed. The order: count the try, read, end the reading transaction, hash, write.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from app.accounts import attempts
from app.accounts.passwords import hash_password, matches, needs_rehash
from app.accounts.people import drop_streams
from app.accounts.queries import person_by_email, person_for_change
from app.accounts.session import SignInSession, end_sessions, open_session
from app.accounts.user import User
from app.db import begin_write, db
from app.errors import DomainError
from app.events.event import SYSTEM
from app.events.people_actions import SignedIn, SignedOut, SignInFailed
from app.events.recording import record_event

FAILURES_EVERY = timedelta(minutes=1)
"""One event for all failures of an account within this time: a robot does not fill the log."""


class Refused(DomainError):
    """Not signed in. The text says how many tries are left, whether or not there is such an account."""

    status = 422
    code = "refused"


class TooOften(DomainError):
    """Too many tries; `wait` says in how many seconds the next is possible."""

    status = 429
    code = "too_often"

    def __init__(self, wait: int) -> None:
        super().__init__(f"Too many tries. Try again in {attempts.in_words(wait)}.")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a sign-in comes from."""

    address: str
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A session that has just been opened; its token is not kept anywhere else."""

    user: User
    session: SignInSession
    token: str


def sign_in(email: str, password: str, *, browser: Browser, cheap: bool = False) -> Entry:
    """Open a session, in a write transaction the caller commits.

    Raises Refused (a failure of an existing account is recorded, and committed here), TooOften and Busy.
    """
    allowance = attempts.take(browser.address, email)
    if allowance.wait:
        raise TooOften(allowance.wait)
    user = person_by_email(email)
    kept = user.password_hash if user else None
    db.session.commit()  # nothing is held open while the hash is made
    good = matches(password, kept, cheap=cheap)
    if user is None or not good or not user.is_active:
        attempts.failed(browser.address)
        if user is not None:
            _note_failure(user, good)
        raise Refused(_refusal(allowance.left))
    renewed = hash_password(password, cheap=cheap) if kept and needs_rehash(kept, cheap=cheap) else None
    begin_write()
    user = person_for_change(user.id)
    if not user.is_active or user.password_hash != kept:  # it changed while the hash was made
        db.session.rollback()
        raise Refused(_refusal(allowance.left))
    if renewed:
        user.password_hash = renewed
    entry = enter(user, browser, method="password")
    attempts.succeeded(browser.address, email)
    return entry


def enter(user: User, browser: Browser, *, method: Literal["password", "setup"]) -> Entry:
    """Open a session for a person who has shown who they are."""
    record_event(user, SignedIn(method=method), actor=user.actor)
    session, token = open_session(user, address=browser.address, agent=browser.agent)
    return Entry(user, session, token)


def sign_out(user: User, *, session_id: int) -> None:
    """End this session, and no other. Live streams end with it; pages of other sessions come back by themselves."""
    if end_sessions(user, only=session_id):
        drop_streams(user)
        record_event(user, SignedOut(), actor=user.actor)


def _note_failure(user: User, good: bool) -> None:
    reason: Literal["password", "inactive", "unclaimed"] = "password"
    if not user.is_claimed:
        reason = "unclaimed"
    elif good:
        reason = "inactive"
    begin_write()
    record_event(
        person_for_change(user.id), SignInFailed(reason=reason), actor=SYSTEM, throttle=FAILURES_EVERY
    )
    db.session.commit()


def _refusal(left: int) -> str:
    tries = f"{left} tries left" if left != 1 else "1 try left"
    return f"That email and password do not match. {tries}."
