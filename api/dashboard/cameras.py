"""How each camera stands, and where its frames went."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api import cameras
from api.access import LOOKING, allow
from api.cameras import CountersForm
from api.dashboard import page
from api.held import HeldHere
from storage import previews

router = APIRouter(include_in_schema=False, dependencies=[allow(*LOOKING)])
# What each counter is called, and how it is drawn: used for a result, plain without, left out, on its way, lost.
_PARTS = (
    ("read", "with plates", "used"),
    ("no_plate", "without a plate", "plain"),
    ("sampled_out", "left out by settings", "idle"),
    ("waiting", "waiting", "open"),
    ("shed_early", "dropped by the decoder", "lost"),
    ("shed", "dropped by back-pressure", "lost"),
    ("expired", "expired", "lost"),
    ("failed", "failed", "lost"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a bar: from `start` on, both as shares 0..1 of its length."""

    words: str
    shade: str
    count: int
    start: float
    share: float


def parts(counters: CountersForm) -> tuple[Part, ...]:
    """Where the frames went; those that none went to are left out. The shares add up to 1."""
    counts = [(words, shade, int(getattr(counters, name))) for name, words, shade in _PARTS]
    total = sum(count for _, _, count in counts)
    made: list[Part] = []
    before = 0
    for words, shade, count in counts:
        if count:
            made.append(Part(words=words, shade=shade, count=count, start=before / total, share=count / total))
        before += count
    return tuple(made)


@router.get("/cameras", response_class=HTMLResponse)
def cameras_page(request: Request, held: HeldHere) -> Any:
    """All cameras; a script brings them up to date."""
    found = cameras.cameras(held).cameras
    with held.reading() as conn:
        pictures = previews.newest(conn)
    bars = {one.name: parts(one.counters) for one in found if one.counters is not None}
    return page.render(request, "cameras.html.j2", held, cameras=found, bars=bars, pictures=pictures)
