"""Secrets we must be able to read again (of webhooks, tokens of other services), kept encrypted with SECRET_KEY.

A copy of the database alone gives none of them away. Passwords and our own tokens are hashed instead.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app


class Unsealable(Exception):
    """SECRET_KEY is another one than when the secret was kept. The text says what to do."""

    def __init__(self) -> None:
        super().__init__("This secret was kept under another SECRET_KEY: enter it again")


def seal(secret: str) -> str:
    """The secret, encrypted and authenticated: about 100 characters and 4/3 of its length."""
    return _box(_key()).encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """The secret again. Raises Unsealable."""
    try:
        return _box(_key()).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unsealable from None


def _key() -> str:
    key: str = current_app.extensions["settings"].secret_key
    return key


@lru_cache(4)
def _box(key: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"tidings secrets at rest").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
