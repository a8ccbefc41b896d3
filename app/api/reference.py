"""The description of the API: for programs as OpenAPI, for people as one readable page made from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify
from flask_openapi3.openapi import OpenAPI

from app.web.render import render

blueprint = Blueprint("api_reference", __name__)

Schema = dict[str, Any]

CHANGES = ("post", "put", "patch", "delete")
QUIET: Schema = {
    "name": "Quiet",
    "in": "header",
    "description": "true: what is done is recorded and shown, and nobody is told.",
    "schema": {"type": "string", "enum": ["true", "false"]},
}
IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key answers the same for 24 hours, and acts once.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body or an answer."""

    name: str
    type: str
    required: bool
    description: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One method on one address."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: list[Field]
    status: str
    answer: str | None
    """The name of the shape it answers."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """The calls that belong together."""

    name: str
    description: str
    calls: list[Call]


@dataclass(frozen=True, slots=True)
class Kind:
    """The shape of an answer."""

    name: str
    description: str
    fields: list[Field]


@blueprint.get("/api/v1/openapi.json")
def description() -> Response:
    """OpenAPI 3.1."""
    return jsonify(openapi())


@blueprint.get("/api/docs")
def reference() -> Response:
    """What there is, what it takes and what it answers."""
    document = openapi()
    base_url = current_app.extensions["settings"].base_url
    return render("api/docs.html", chapters=chapters(document), kinds=kinds(document), base_url=base_url)


def openapi() -> Schema:
    """The document, made once per application: the library's, with the headers every change takes."""
    if "api_description" not in current_app.extensions:
        document = cast(Schema, cast(OpenAPI, current_app).api_doc)
        for method, operation in _operations(document):
            headers = [QUIET] if method in CHANGES else []
            headers += [IDEMPOTENCY_KEY] if method == "post" else []
            operation["parameters"] = [*operation.get("parameters", ()), *headers]
        current_app.extensions["api_description"] = document
    return cast(Schema, current_app.extensions["api_description"])


def chapters(document: Schema) -> list[Chapter]:
    """The calls by the tag they carry."""
    calls: dict[str, list[Call]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            calls.setdefault(operation["tags"][0], []).append(_call(document, path, method, operation))
    return [
        Chapter(tag["name"], tag.get("description", ""), calls[tag["name"]])
        for tag in document["tags"]
        if tag["name"] in calls
    ]


def kinds(document: Schema) -> list[Kind]:
    """The shapes that answers are made of, pages and bodies left out: a page is items and a cursor."""
    wanted = {name for _, operation in _operations(document) for name in _answers(operation)}
    schemas = document["components"]["schemas"]
    for name in sorted(wanted):
        items = schemas[name].get("properties", {}).get("items")
        if items:
            wanted = wanted - {name} | {_type(items).removeprefix("list of ")}
    wanted |= {part for name in wanted for part in _parts(schemas[name]) if part in schemas}
    return [
        Kind(name, schemas[name].get("description", ""), _fields(schemas[name])) for name in sorted(wanted)
    ]


def _call(document: Schema, path: str, method: str, operation: Schema) -> Call:
    status = next(code for code in operation["responses"] if code.startswith("2"))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return Call(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        parameters=[_parameter(one) for one in operation.get("parameters", ())],
        body=_fields(document["components"]["schemas"][_name(body["$ref"])]) if body else [],
        status=status,
        answer=next(iter(_answers(operation)), None),
    )


def _operations(document: Schema) -> Iterator[tuple[str, Schema]]:
    for item in document["paths"].values():
        yield from item.items()


def _answers(operation: Schema) -> list[str]:
    return [
        _name(answer["content"]["application/json"]["schema"]["$ref"])
        for status, answer in operation["responses"].items()
        if status.startswith("2") and "content" in answer
    ]


def _parameter(one: Schema) -> Field:
    return Field(
        name=one["name"],
        type=_type(one.get("schema", {})),
        required=one.get("required", False),
        description=one.get("description", ""),
        place=one["in"],
    )


def _fields(schema: Schema) -> list[Field]:
    required = set(schema.get("required", ()))
    return [
        Field(name, _type(one), name in required, one.get("description", ""))
        for name, one in schema.get("properties", {}).items()
    ]


def _parts(schema: Schema) -> list[str]:
    words = [_type(one) for one in schema.get("properties", {}).values()]
    return [word.removeprefix("list of ").removesuffix(" or null") for word in words]


def _type(schema: Schema) -> str:
    """The type in words: "text", "list of text", "text or null", or the values there are."""
    if "$ref" in schema:
        return _name(schema["$ref"])
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("format") == "date-time":
        return "time"
    words = {"string": "text", "integer": "number", "boolean": "true or false"}
    kind = str(schema.get("type", "anything"))
    return words.get(kind, kind)


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]
