"""Styles, scripts and the icon of the pages: files of ours, the same for everybody, and so open to all."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from fastapi import APIRouter, Request, Response

_KINDS = {
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "session.js": "text/javascript; charset=utf-8",
    "send.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "review.js": "text/javascript; charset=utf-8",
    "import.js": "text/javascript; charset=utf-8",
    "refresh.js": "text/javascript; charset=utf-8",
}
PATHS = frozenset(f"/static/{name}" for name in _KINDS)
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    kind: str
    tag: str  # RFC 9110, section 8.8.3


@cache
def asset(name: str) -> Asset:
    """One of PATHS by its name."""
    content = (resources.files("api") / "static" / name).read_bytes()
    return Asset(content=content, kind=_KINDS[name], tag=f'"{hashlib.sha256(content).hexdigest()[:20]}"')


def send(request: Request) -> Any:
    """The file, or that it has not changed since the browser got it."""
    one = asset(request.url.path.rpartition("/")[2])
    headers = {"ETag": one.tag, "Cache-Control": "no-cache"}  # asked again each time, and mostly answered in a line
    if request.headers.get("if-none-match") == one.tag:
        return Response(status_code=304, headers=headers)
    return Response(one.content, media_type=one.kind, headers=headers)


for _path in sorted(PATHS):
    router.add_api_route(_path, send, methods=["GET"])
