"""Charts: how much passed, what it was judged, how sure and how fast."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from anpr.tones import Tone, tone_of
from anpr.types import VerdictStatus
from api.access import LOOKING, allow
from api.dashboard import drawing, page
from api.dashboard.drawing import Chart
from api.dashboard.filters import names_in
from api.held import HeldHere
from storage import camera_states, stats
from storage.stats import BINS, Count, Latency

SPANS = {"24h": 24, "3d": 72, "7d": 168}  # in hours
TONES: tuple[Tone, ...] = ("good", "unsure", "bad", "open")  # from the bottom up
HOUR = timedelta(hours=1)
router = APIRouter(include_in_schema=False, dependencies=[allow(*LOOKING)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many events have a verdict, and their share of all, 0..1; `start`: those before it."""

    verdict: str | None
    tone: Tone
    count: int
    start: float
    share: float


@router.get("/charts", response_class=HTMLResponse)
def charts_page(request: Request, held: HeldHere) -> Any:
    """Charts of the last hours, of one camera or all."""
    span = request.query_params.get("span", "")
    span = span if span in SPANS else next(iter(SPANS))
    camera = next(iter(names_in(request.query_params)), None)
    hours = _hours(datetime.now(UTC), SPANS[span])
    since, until = hours[0], hours[-1] + HOUR
    with held.reading() as conn:
        counts = stats.counts(conn, since=since, until=until, camera=camera)
        sure = stats.confidences(conn, since=since, until=until, camera=camera)
        late = stats.latencies(conn, since=since, until=until, camera=camera)
        cameras = camera_states.names(conn)
    zone = ZoneInfo(page.zone_of(held))
    form = "%H:%M" if len(hours) <= 24 else "%a %H:%M"
    labels = [hour.astimezone(zone).strftime(form) for hour in hours]
    return page.render(
        request,
        "charts.html.j2",
        held,
        span=span,
        spans=SPANS,
        camera=camera,
        cameras=cameras,
        total=sum(one.events for one in counts),
        passings=passings(counts, hours, labels),
        shares=shares(counts),
        confidence=confidence(sure),
        latency=latency(late, hours, labels),
    )


def _hours(now: datetime, count: int) -> list[datetime]:
    """The beginnings of the last hours, the one that runs included."""
    last = now.replace(minute=0, second=0, microsecond=0)
    return [last - HOUR * back for back in reversed(range(count))]


def passings(counts: Sequence[Count], hours: Sequence[datetime], labels: Sequence[str]) -> Chart:
    """Events an hour, stacked by the tone of their verdicts."""
    found: Counter[tuple[datetime, Tone]] = Counter()
    for one in counts:
        found[one.hour.astimezone(UTC), _tone(one.verdict)] += one.events
    series = [[float(found[hour, tone]) for hour in hours] for tone in TONES]
    return drawing.stacked(labels, TONES, series)


def shares(counts: Sequence[Count]) -> list[Share]:
    """Events by verdict, in the order of the tones, the most frequent first."""
    found: Counter[str | None] = Counter()
    for one in counts:
        found[one.verdict] += one.events
    total, before, made = found.total(), 0, list[Share]()
    for verdict, count in sorted(found.items(), key=lambda one: (TONES.index(_tone(one[0])), -one[1])):
        made.append(Share(verdict=verdict, tone=_tone(verdict), count=count, start=before / total, share=count / total))
        before += count
    return made


def confidence(counts: Sequence[int]) -> Chart:
    """Events by how sure their plate is."""
    labels = [f"{100 * place // BINS} %" for place in range(BINS)]
    return drawing.stacked(labels, ("used",), [[float(one) for one in counts]])


def latency(found: Sequence[Latency], hours: Sequence[datetime], labels: Sequence[str]) -> Chart:
    """Seconds from a car's last sight to its first verdict: the median, and what 95 of 100 cars stay below."""
    by_hour = {one.hour.astimezone(UTC): one for one in found}
    series = [
        [None if hour not in by_hour else by_hour[hour].median_s for hour in hours],
        [None if hour not in by_hour else by_hour[hour].p95_s for hour in hours],
    ]
    return drawing.lines(labels, ("used", "unsure"), series)


def _tone(verdict: str | None) -> Tone:
    return tone_of(None if verdict is None else VerdictStatus(verdict))
