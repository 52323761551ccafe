"""The HTML page of a run: one file that needs nothing but the videos beside it."""

import base64
import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined

from anpr.errors import AnprError, BadConfig, StorageFull
from anpr.tones import Tone, tone_of, words_of
from anpr.types import Candidate, PlateEvent, PlateOutcome
from cli.report.annotate import Video
from cli.report.table import agreement, local, percent
from storage.plate_events import EventRow
from storage.sessions import Session

PAGE = "index.html"
MOST_SHOWN = 1000  # the pictures are in the page: about 10 MB
MOST_OTHERS = 3
LEAST_OTHER = 0.01  # less likely readings are noise to the eye
_TEMPLATE = Path(__file__).with_name("report.html.j2")
_TONE_ORDER: tuple[Tone, ...] = ("bad", "unsure", "good", "open")

Shade = Literal["used", "plain", "idle", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a bar of the ledger."""

    words: str
    count: int
    shade: Shade


def write_report(
    directory: Path,
    *,
    sessions: Sequence[Session],
    events: Sequence[EventRow],
    outcomes: Mapping[PlateOutcome | None, int],
    pictures: Path,
    videos: Sequence[Video],
    title: str,
    made_at: datetime,
    took_s: float | None,
    versions: Mapping[str, str],
) -> Path:
    """Write `directory`/index.html and return its path.

    `events` come oldest first; all are counted, the last MOST_SHOWN shown. `pictures` is the evidence directory.
    Raises BadConfig where `directory` cannot be written or a picture not be read, StorageFull where there is no space.
    """
    text = (
        _environment()
        .from_string(_TEMPLATE.read_text(encoding="utf-8"))
        .render(
            title=title,
            made_at=made_at,
            took_s=took_s,
            versions=versions,
            sources=[_source(session) for session in sessions],
            totals=_totals(events),
            cars=len(events),
            cards=[_card(row, pictures, videos) for row in events[-MOST_SHOWN:]],
            videos=[
                {"name": video.camera, "link": quote(video.path.name), "poster": _data_url(video.poster)}
                for video in videos
            ],
            frames=frame_parts(sessions),
            plates=plate_parts(outcomes),
        )
    )
    make_directory(directory)
    path = directory / PAGE
    part = directory / f".{PAGE}.part"
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as exc:
        raise _failure(directory, exc) from exc
    return path


def make_directory(directory: Path) -> None:
    """Make the directory of a report. Raises BadConfig where that cannot be, StorageFull where there is no space."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise _failure(directory, exc) from exc


def frame_parts(sessions: Sequence[Session]) -> list[Part]:
    """Where the frames that the sources offered ended; the counts add up to `offered`."""
    parts = [
        Part(words="held plates", count=sum(one.read for one in sessions), shade="used"),
        Part(words="no plate", count=sum(one.no_plate for one in sessions), shade="plain"),
        Part(words="sampled out", count=sum(one.sampled_out for one in sessions), shade="idle"),
        Part(words="shed", count=sum(one.shed + one.shed_early for one in sessions), shade="lost"),
        Part(words="expired", count=sum(one.expired for one in sessions), shade="lost"),
        Part(words="failed", count=sum(one.failed for one in sessions), shade="lost"),
    ]
    on_its_way = sum(one.offered for one in sessions) - sum(part.count for part in parts)
    return [*parts, Part(words="still on their way", count=max(0, on_its_way), shade="lost")]


def plate_parts(outcomes: Mapping[PlateOutcome | None, int]) -> list[Part]:
    """Where the plates that the detector found ended."""
    told: tuple[tuple[PlateOutcome | None, str, Shade], ...] = (
        (PlateOutcome.READ, "read", "used"),
        (PlateOutcome.UNREADABLE, "unreadable", "plain"),
        (PlateOutcome.TOO_SMALL, "too small", "idle"),
        (PlateOutcome.EXPIRED, "expired", "lost"),
        (PlateOutcome.FAILED, "failed", "lost"),
        (None, "still on their way", "lost"),
    )
    return [Part(words=words, count=outcomes.get(outcome, 0), shade=shade) for outcome, words, shade in told]


def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(percent=percent, number=_number)
    return environment


def _number(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def _totals(events: Sequence[EventRow]) -> list[dict[str, object]]:
    statuses = [row.status for row in events]
    found = sorted(set(statuses), key=lambda one: (_TONE_ORDER.index(tone_of(one)), words_of(one)))
    return [{"words": words_of(one), "tone": tone_of(one), "count": statuses.count(one)} for one in found]


def _source(session: Session) -> dict[str, object]:
    notes = [
        f"{_number(session.corrupt)} corrupt frames skipped" if session.corrupt else "",
        f"{_number(session.reconnects)} reconnects" if session.reconnects else "",
        "" if session.is_live or session.complete else "not read to its end",
    ]
    return {
        "camera": session.camera,
        "source": session.source,
        "country": session.toll_country,
        "offered": session.offered,
        "notes": [note for note in notes if note],
    }


def _card(row: EventRow, pictures: Path, videos: Sequence[Video]) -> dict[str, object]:
    event = row.event
    first = local(event.first_seen, event.toll_country)
    last = local(event.last_seen, event.toll_country)
    return {
        "id": event.id,
        "plate": event.plate,
        "confidence": event.confidence,
        "others": _others(event),
        "camera": event.camera,
        "country": event.toll_country,
        "first": first,
        "seen_s": (last - first).total_seconds(),
        "reads": event.reads,
        "agreement": agreement(event),
        "words": words_of(row.status),
        "tone": tone_of(row.status),
        "reason": row.reason or ("The car was still passing." if event.state == "open" else ""),
        "picture": _embedded(pictures, row.picture),
        "moments": [_moment(video, event.id) for video in videos if event.id in video.appears_s],
    }


def _others(event: PlateEvent) -> list[Candidate]:
    return [one for one in event.candidates if one.text != event.plate and one.confidence >= LEAST_OTHER][:MOST_OTHERS]


def _moment(video: Video, event_id: int) -> dict[str, str]:
    at_s = video.appears_s[event_id]
    return {
        "link": f"{quote(video.path.name)}#t={max(0.0, at_s - 0.5):.1f}",
        "words": f"{int(at_s) // 60}:{int(at_s) % 60:02}",
    }


def _embedded(pictures: Path, path: str | None) -> str | None:
    """The picture as a data URL; None where none is kept (any more)."""
    if path is None:
        return None
    try:
        return _data_url((pictures / path).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise BadConfig(f"evidence picture {pictures / path} cannot be read: {exc.strerror}") from exc


def _data_url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def _failure(directory: Path, exc: OSError) -> AnprError:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"no space left for the report in {directory}")
    return BadConfig(f"the report cannot be written to {directory}: {exc.strerror}")
