"""How right the plate events of clips are.

    .venv/bin/python tests/benchmarks/events.py CLIP=TRUTH.json... [--no-plates CLIP]... [--fps N] [--config FILE]

Runs `anpr run` on all clips. TRUTH.json holds `readable_plates` (texts) and `truth`: a list of frames with `time` (s)
and `plates` (each with `text`, empty where nobody can read it). An event is right if its plate is that of the truth at
some moment from 1 s before it was first seen to 1 s after it was last seen; each plate counts once, and further events
of it are duplicates. UNREADABLE events claim nothing and are left out. In a clip of `--no-plates` every event is wrong.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anpr.types import PlateEvent, VerdictStatus
from cli.embedded import EmbeddedServers
from cli.run import named
from storage import event_search
from storage.db import Database
from storage.event_search import EventSearch
from storage.plate_events import EventRow

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SLACK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip and when which of its plates can be seen."""

    path: Path
    plates: frozenset[str]
    seen: tuple[tuple[float, str], ...]  # seconds, plate

    def shows(self, plate: str, first_s: float, last_s: float) -> bool:
        return any(text == plate and first_s - SLACK_S <= at <= last_s + SLACK_S for at, text in self.seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The events of one clip, told apart."""

    clip: Clip
    right: tuple[PlateEvent, ...]
    duplicates: tuple[PlateEvent, ...]
    wrong: tuple[PlateEvent, ...]
    unreadable: int

    @property
    def events(self) -> int:
        return len(self.right) + len(self.duplicates) + len(self.wrong)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("clips", nargs="*", metavar="CLIP=TRUTH.json", help="a video and its truth")
    options.add_argument("--no-plates", action="append", default=[], metavar="CLIP", help="a video without plates")
    options.add_argument("--fps", default="5", help="frames a second to look at [default: 5]")
    options.add_argument("--config", help="settings for anpr run")
    chosen = options.parse_args()
    clips = [with_truth(one) for one in chosen.clips]
    clips += [Clip(path=Path(one), plates=frozenset(), seen=()) for one in chosen.no_plates]
    if not clips:
        options.error("name a clip")
    results = [judged(clip, rows) for clip, rows in zip(clips, run(clips, chosen.fps, chosen.config), strict=True)]
    show(results)


def with_truth(option: str) -> Clip:
    """The clip of "CLIP=TRUTH.json"."""
    clip, _, truth = option.rpartition("=")
    told = json.loads(Path(truth).read_text(encoding="utf-8"))
    seen = [(frame["time"], plate["text"]) for frame in told["truth"] for plate in frame["plates"] if plate["text"]]
    return Clip(path=Path(clip), plates=frozenset(told["readable_plates"]), seen=tuple(seen))


def run(clips: Sequence[Clip], fps: str, config: str | None) -> list[list[EventRow]]:
    """The events that `anpr run` finds in each clip, oldest first."""
    cameras = named([str(clip.path) for clip in clips])
    with tempfile.TemporaryDirectory(prefix="anpr-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # the account of the embedded servers passes through
        with EmbeddedServers(directory / "data") as served:
            urls = {"DATABASE_URL": served.database_url, "REDIS_URL": served.redis_url}
            argv = [sys.executable, "-m", "cli.main", "run", *cameras.values(), "--fps", fps, "--start", str(BEGIN)]
            argv += ["--data-dir", str(directory / "run")] + (["--config", config] if config else [])
            subprocess.run(argv, env=dict(os.environ) | urls, stdout=subprocess.DEVNULL, check=True)
            database = Database(served.database_url)
            with database.transaction() as conn:
                rows = [event_search.search(conn, EventSearch(cameras=[camera]), limit=10_000) for camera in cameras]
            database.close()
    return [found[::-1] for found in rows]


def judged(clip: Clip, rows: Sequence[EventRow]) -> Result:
    """Which events are right: of two events of one plate the one with more reads is the car, the other a duplicate."""
    claimed = [row.event for row in rows if row.status is not VerdictStatus.UNREADABLE]
    right: dict[str, PlateEvent] = {}
    duplicates: list[PlateEvent] = []
    wrong: list[PlateEvent] = []
    for event in sorted(claimed, key=lambda event: (-event.reads, event.id)):
        first_s, last_s = ((at - BEGIN).total_seconds() for at in (event.first_seen, event.last_seen))
        if not clip.shows(event.plate, first_s, last_s):
            wrong.append(event)
        elif event.plate in right:
            duplicates.append(event)
        else:
            right[event.plate] = event
    return Result(
        clip=clip,
        right=tuple(right.values()),
        duplicates=tuple(duplicates),
        wrong=tuple(sorted(wrong, key=lambda event: event.first_seen)),
        unreadable=len(rows) - len(claimed),
    )


def show(results: Sequence[Result]) -> None:
    print(f"{'clip':32}{'plates':>8}{'events':>8}{'right':>8}{'twice':>8}{'wrong':>8}{'unread':>8}", end="")
    print(f"{'precision':>11}{'recall':>8}")
    for one in results:
        counts = (len(one.clip.plates), one.events, len(one.right), len(one.duplicates), len(one.wrong), one.unreadable)
        print(f"{one.clip.path.stem[:31]:32}" + "".join(f"{count:8}" for count in counts), end="")
        print(f"{_share(len(one.right), one.events):>11}{_share(len(one.right), len(one.clip.plates)):>8}")
    for one in results:
        missed = sorted(one.clip.plates - {event.plate for event in one.right})
        if missed:
            print(f"\n{one.clip.path.stem}: missed {' '.join(missed)}")
        for name, found in (("twice", one.duplicates), ("wrong", one.wrong)):
            for event in found:
                first_s, last_s = ((at - BEGIN).total_seconds() for at in (event.first_seen, event.last_seen))
                print(
                    f"{one.clip.path.stem}: {name} {event.plate:10} {event.confidence:4.0%} sure, {event.reads} reads, "
                    f"{event.agreeing} agree, {first_s:.1f} to {last_s:.1f} s"
                )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "-"


if __name__ == "__main__":
    main()
