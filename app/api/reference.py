"""The description of the API: for programs as OpenAPI, for people as one readable page made from it."""

from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, render_template
from flask_openapi3.openapi import OpenAPI

blueprint = Blueprint("api_reference", __name__)


@blueprint.get("/api/v1/openapi.json")
def description() -> Response:
    """OpenAPI 3.1."""
    return jsonify(openapi())


@blueprint.get("/api/docs")
def reference() -> str:
    """What there is, what it takes and what it answers."""
    return render_template("api/docs.html", description=openapi())


def openapi() -> dict[str, Any]:
    """The document, made once per application."""
    return cast(dict[str, Any], cast(OpenAPI, current_app).api_doc)
