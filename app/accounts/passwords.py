"""Passwords: Argon2id with 64 MiB a hash, so that guessing is dear, and few at a time, so that we bear it.

Hash and verify outside of write transactions: on SQLite nobody else could write meanwhile.
"""

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from app.errors import DomainError, Invalid

SHORTEST = 8
LONGEST = 200
AT_ONCE = 2
"""Hashes at the same time in one process: each takes 64 MiB and a core for about a tenth of a second."""
PATIENCE_SECONDS = 5.0

_COMMON = frozenset(
    {
        "password",
        "password1",
        "passw0rd",
        "12345678",
        "123456789",
        "1234567890",
        "qwertyui",
        "qwertyuiop",
        "iloveyou",
        "letmein1",
        "changeme",
        "administrator",
    }
)
_turns = BoundedSemaphore(AT_ONCE)


class Busy(DomainError):
    """Too many passwords are being checked at once."""

    status = 503
    code = "busy"


def check_password(password: str, *, field: str = "password", about: tuple[str, ...] = ()) -> None:
    """Raises Invalid when the password is too short, too long or the first that anybody would guess.

    `about` are the person's own words (address, username, name), which make no password.
    """
    if len(password) < SHORTEST:
        raise Invalid(f"A password has at least {SHORTEST} characters", field=field)
    if len(password) > LONGEST:
        raise Invalid(f"A password has at most {LONGEST} characters", field=field)
    guess = password.casefold()
    if guess in _COMMON or len(set(guess)) == 1 or guess in {word.casefold() for word in about}:
        raise Invalid("This password would be guessed at once; choose another", field=field)


def hash_password(password: str, *, cheap: bool = False) -> str:
    """What is kept of a password. `cheap` is for tests alone. Raises Busy."""
    with _turn():
        return _hasher(cheap).hash(_bytes(password))


def matches(password: str, password_hash: str | None, *, cheap: bool = False) -> bool:
    """Whether this is the password. Without a hash it takes as long and says no. Raises Busy."""
    with _turn():
        try:
            _hasher(cheap).verify(password_hash or _nobodys_hash(cheap), _bytes(password))
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def needs_rehash(password_hash: str, *, cheap: bool = False) -> bool:
    """Whether the hash was made with other parameters than those of today."""
    return _hasher(cheap).check_needs_rehash(password_hash)


def make_password() -> str:
    """A password for somebody else to begin with: 95 bits, four groups that can be read out."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=PATIENCE_SECONDS):
        raise Busy("Many people are signing in at this moment. Try again in a few seconds.")
    try:
        yield
    finally:
        _turns.release()


@cache
def _hasher(cheap: bool) -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1) if cheap else PasswordHasher()


@cache
def _nobodys_hash(cheap: bool) -> str:
    """A hash of the right form that no password has: random bytes in the place of the digest."""
    hasher = _hasher(cheap)
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
        for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
