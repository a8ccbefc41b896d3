"""Tidings. Importing the package loads nothing: the supervisor and the embedded Valkey live on that."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.config import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Build the application from the settings, by default those of the environment."""
    from app.factory import build

    return build(settings)
