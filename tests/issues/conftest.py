"""Scenes several files share."""

from tests.issues.deletable import scene

__all__ = ["scene"]
