"""Secrets at rest."""

import dataclasses

import pytest
from flask import Flask

from app.sealing import Unsealable, seal, unseal


def test_what_was_sealed_can_be_read_again_and_not_in_the_database(context: Flask) -> None:
    sealed = seal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert "whsec" not in sealed
    assert sealed != seal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert unseal(sealed) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize("change", [lambda text: text[:-2] + "aa", lambda text: "", lambda text: "Ä" * 40])
def test_what_was_tampered_with_is_refused(context: Flask, change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Unsealable):
        unseal(change(seal("secret")))


def test_another_key_reads_nothing_and_says_what_to_do(context: Flask) -> None:
    sealed = seal("secret")
    settings = context.extensions["settings"]
    context.extensions["settings"] = dataclasses.replace(settings, secret_key="another")
    with pytest.raises(Unsealable, match="enter it again"):
        unseal(sealed)
