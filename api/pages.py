"""/docs and /openapi.json: what this server can do, for people and programs. No script, nothing from elsewhere."""

import json
from importlib import resources
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment

from api.access import LOOKING, allow
from storage.keys import Role

router = APIRouter(include_in_schema=False, dependencies=[allow(*LOOKING, Role.CAMERA)])
_ENVIRONMENT = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)


@router.get("/openapi.json")
def schema(request: Request) -> Any:
    """The description of this server for programs (OpenAPI 3.1)."""
    return JSONResponse(_app(request).openapi())


@router.get("/docs", response_class=HTMLResponse)
def page(request: Request) -> Any:
    """The same for people."""
    template = _ENVIRONMENT.from_string(_file("docs.html.jinja"))
    described = _app(request).openapi()
    return HTMLResponse(template.render(schema=described, example=_example, named=_named))


@router.get("/docs/style.css")
def style() -> Any:
    return Response(_file("docs.css"), media_type="text/css; charset=utf-8")


def _app(request: Request) -> FastAPI:
    return request.app


def _file(name: str) -> str:
    return (resources.files("api") / "static" / name).read_text(encoding="utf-8")


def _example(content: dict[str, Any]) -> str:
    """The example of a body, as it is sent."""
    found = content.get("example", "")
    return found if isinstance(found, str) else json.dumps(found, indent=2, ensure_ascii=False)


def _named(schema: dict[str, Any]) -> str:
    """What a schema is, in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_named(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_named(schema.get('items', {}))}"
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"])
    return str(schema.get("format") or schema.get("type") or schema.get("const") or "any")
