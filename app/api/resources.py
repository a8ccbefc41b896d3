"""Every resource of the API, and its way into the application."""

from flask_openapi3.openapi import OpenAPI

from app.api import (
    bulk,
    comments,
    deletion,
    deliveries,
    events,
    inboxes,
    issues,
    milestones,
    people,
    projects,
    reference,
    replays,
    rules,
    watching,
    webhooks,
)
from app.api.blueprint import DESCRIPTION, blueprint

RESOURCES = (
    bulk,
    comments,
    deletion,
    deliveries,
    events,
    inboxes,
    issues,
    milestones,
    people,
    projects,
    replays,
    rules,
    watching,
    webhooks,
)
"""Their routes hang on the blueprint from the import on."""

__all__ = ["DESCRIPTION", "RESOURCES", "register"]


def register(app: OpenAPI) -> None:
    """Answer below /api/v1, and describe it."""
    app.register_api(blueprint)
    app.register_blueprint(reference.blueprint)
