"""What this server says of itself: FastAPI's description, with who may ask and how it fails."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api import examples
from api.access import OPEN, Allowed
from api.problems import MEDIA_TYPE

_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["about:blank"]},
        "title": {"type": "string", "examples": ["Unprocessable Content"], "description": "of the status"},
        "status": {"type": "integer", "examples": [422]},
        "detail": {
            "type": "string",
            "examples": ["limit: Input should be less than or equal to 1000"],
            "description": "one sentence for people",
        },
        "errors": {
            "type": "array",
            "description": "which parameters or fields are wrong",
            "items": {
                "type": "object",
                "required": ["in", "name", "detail"],
                "properties": {
                    "in": {"type": "string", "examples": ["query"]},
                    "name": {"type": "string", "examples": ["limit"]},
                    "detail": {"type": "string", "examples": ["Input should be less than or equal to 1000"]},
                },
            },
        },
    },
}
_SECURITY: dict[str, Any] = {
    "key": {"type": "http", "scheme": "bearer", "description": "a key of `anpr keys add`"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "anpr_session",
        "description": "of POST /api/session; what changes something needs the header X-CSRF-Token too",
    },
}
_FAILURES = {
    "400": "the request is no HTTP that can be understood",
    "401": "no key, or a wrong one",
    "403": "the key is not for that",
    "404": "there is no such thing",
    "413": "the body is too large",
    "415": "the body is of no type that is read here",
    "422": "something given is wrong",
    "429": "too many requests; Retry-After says how long to wait",
    "503": "Postgres is away, or too much is under way; Retry-After says when to try again",
}


def describe(app: FastAPI, routes: list[APIRoute]) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        by_name = {(route.path, method): route for route in routes for method in route.methods or ()}
        app.openapi_schema = _described(app, by_name)
    return app.openapi_schema


def _described(app: FastAPI, routes: dict[tuple[str, str], APIRoute]) -> dict[str, Any]:
    schema = get_openapi(
        title="anpr",
        version=version("anpr"),
        summary="Plates that cameras saw, and whether their vignettes were paid",
        description="Times are ISO 8601, boxes pixels, confidences 0 to 1, plates capitals and digits alone.",
        routes=app.routes,
    )
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    components["securitySchemes"] = _SECURITY
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if path not in OPEN:
                operation["security"] = [{"key": []}, {"session": []}]
                operation["x-roles"] = sorted(role.value for role in roles_of(routes[path, method.upper()]))
            for status, why in _FAILURES.items():
                operation["responses"][status] = {
                    "description": why,
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
            examples.add_to(operation, schemas)
    return schema


def roles_of(route: APIRoute) -> frozenset[Any]:
    """Who may ask for a route; none where nobody said so."""
    found: list[frozenset[Any]] = []

    def look(dependant: Dependant) -> None:
        if isinstance(dependant.call, Allowed):
            found.append(dependant.call.roles)
        for one in dependant.dependencies:
            look(one)

    look(route.dependant)
    return frozenset.intersection(*found) if found else frozenset()
