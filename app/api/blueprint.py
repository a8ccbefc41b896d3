"""The blueprint of the API: the resources hang their routes on it."""

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.models.tag import Tag

from app.api.entry import check, leave
from app.api.errors import HANDLERS, unknown_address, validation_callback
from app.api.idempotency import AnsweredBefore, replayed
from app.api.shapes import ErrorEnvelope
from app.extensions import csrf

REFUSALS = (400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 503)

DESCRIPTION: dict[str, Any] = {
    "doc_ui": False,
    "info": Info(
        title="Tidings",
        version="1",
        description="The same verbs as the pages. Make a token with `flask token create`.",
    ),
    "security_schemes": {"token": {"type": "http", "scheme": "bearer"}},
    "validation_error_callback": validation_callback,
    "validation_error_model": ErrorEnvelope,
}
"""What the application is made with, so that the library can describe the API."""


def _operation_id(*, name: str, path: str, method: str) -> str:  # noqa: ARG001 - the library names them
    return name


blueprint = APIBlueprint(
    "api",
    __name__,
    url_prefix="/api/v1",
    abp_security=[{"token": []}],
    abp_responses=dict.fromkeys(REFUSALS, ErrorEnvelope),
    operation_id_callback=_operation_id,
)
blueprint.before_request(check)
blueprint.teardown_request(leave)
blueprint.before_app_request(unknown_address)
blueprint.register_error_handler(AnsweredBefore, replayed)
for kind, handler in HANDLERS.items():
    blueprint.register_error_handler(kind, handler)  # type: ignore[arg-type] # a table of handlers
csrf.exempt(blueprint)


def tag(name: str, description: str) -> list[Tag]:
    """The chapter of the reference a resource belongs to."""
    return [Tag(name=name, description=description)]
