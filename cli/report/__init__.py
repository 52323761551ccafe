"""What a run leaves behind: a table on the terminal, annotated videos, an HTML page."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from anpr import log
from anpr.config import Camera
from anpr.errors import BadSource, Unavailable
from cli.report.table import local
from storage import plate_events, plate_reads, sessions
from storage.db import Database

MOST_EVENTS = 100_000  # held in memory at once, about 100 MB

_log = log.get(__name__)


def make_report(
    database: Database,
    *,
    session_ids: Sequence[int],
    evidence_dir: Path,
    directory: Path,
    urls: Mapping[str, Camera],
    title: str = "Plates and vignettes",
    took_s: float | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Path:
    """Write `directory`/index.html on these sessions, an annotated video of each file beside it; returns the page.

    `urls` gives the settings with which each camera was read. `progress` is told (camera, frames done, frames in all)
    of each video; if it raises, the report is given up. A source that cannot be opened any more is logged and gets no
    video. Raises BadConfig where the directory cannot be written, StorageFull, Unavailable where Postgres is away.
    """
    # the table alone must not wait for the decoder and the template engine to load
    from cli.report.annotate import Video, annotate  # noqa: PLC0415
    from cli.report.html import make_directory, write_report  # noqa: PLC0415

    make_directory(directory)
    with database.transaction() as conn:
        found = sessions.get(conn, session_ids)
        newest_first = plate_events.of_sessions(conn, session_ids, limit=MOST_EVENTS)
        outcomes = plate_reads.outcomes(conn, session_ids)
    events = newest_first[::-1]
    videos: list[Video] = []
    for one in found:
        if one.is_live or one.camera not in urls:
            continue
        with database.transaction() as conn:
            reads = plate_reads.of_session(conn, one.id)
        path = directory / f"{_file_name(one.camera)}-{one.id}.mp4"
        own = [row for row in events if row.event.session_id == one.id]
        told = partial(progress, one.camera) if progress else None
        try:
            videos.append(annotate(one.camera, urls[one.camera], path, reads, own, progress=told))
        except (BadSource, Unavailable) as exc:
            _log.warning("report.no_video", camera=one.camera, why=str(exc))
    now = datetime.now(UTC)
    return write_report(
        directory,
        sessions=found,
        events=events,
        outcomes=outcomes,
        pictures=evidence_dir,
        videos=videos,
        title=title,
        made_at=local(now, found[0].toll_country) if found else now,
        took_s=took_s,
        versions={"anpr": version("anpr")},
    )


def _file_name(camera: str) -> str:
    """The camera's name with what file systems and URLs may stumble over replaced."""
    return re.sub(r"[^\w.-]+", "-", camera).strip(".-") or "camera"
