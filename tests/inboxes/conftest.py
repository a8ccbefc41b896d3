"""What the inboxes' tests share."""

import pytest

from app import periodic


@pytest.fixture(autouse=True)
def nothing_periodic(monkeypatch: pytest.MonkeyPatch) -> None:
    """No periodic work is due: a sweep finds deliveries and nothing else."""
    monkeypatch.setattr(periodic, "KINDS", {})
