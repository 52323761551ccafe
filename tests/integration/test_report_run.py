from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clips import a_clip

from anpr.config import Camera
from anpr.types import Box, Candidate, PlateOutcome, Reading, Verdict, VerdictStatus, Vote
from cli.report import make_report
from ingest.source import open_source
from storage import evidence, plate_events, plate_reads, sessions, verdicts
from storage.db import Database
from storage.sessions import IngestCounters

NOON = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
READING = Reading(candidates=(Candidate(text="1A23456", confidence=0.9),))


def a_session(database: Database, *, camera: str, source: Path, is_live: bool = False) -> int:
    """Ten frames, one of them with a plate that is an event with a verdict."""
    with database.transaction() as conn:
        camera_id = sessions.camera_id(conn, camera, toll_country="CZ")
        session_id = sessions.start(
            conn, camera=camera_id, source=str(source), key=camera, is_live=is_live, expected_frames=10
        )
        sessions.report(
            conn, session_id, IngestCounters(offered=10, sampled_out=8, sampled=2), ended=True, complete=True
        )
        plate = plate_reads.DetectedPlate(
            frame_no=1,
            plate_no=0,
            captured_at=NOON + timedelta(seconds=0.2),
            box=Box(x1=50, y1=60, x2=90, y2=72),
            score=0.9,
            outcome=None,
        )
        plate_reads.add_detected(conn, session_id, [plate])
        plate_reads.save(conn, session_id, (1, 0), PlateOutcome.READ, READING)
        event_id = plate_events.create(conn, session_id, at=plate.captured_at)
        plate_reads.assign(conn, session_id, [(1, 0)], event_id)
        vote = Vote(plate="1A23456", confidence=0.9, candidates=READING.candidates, agreeing=1)
        plate_events.revote(conn, event_id, vote, plate_reads.of_event(conn, event_id, most=1)[0])
        verdict = Verdict(
            status=VerdictStatus.VALID,
            reason="paid",
            readings_tried=(),
            vignette_id=None,
            snapshot_id=None,
            rules_version="test",
        )
        verdicts.add(conn, event_id, 1, verdict)
    return session_id


def keep_picture(database: Database, directory: Path, session_id: int, jpeg: bytes) -> None:
    picture = evidence.write(directory, session_id, (1, 0), jpeg)
    with database.transaction() as conn:
        evidence.add(conn, session_id, picture)


def test_a_run_leaves_a_page_with_its_cars_and_a_video_of_its_file(database: Database, tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", frames=10)
    session_id = a_session(database, camera="gate 1/A", source=clip)
    keep_picture(database, tmp_path / "evidence", session_id, b"\xff\xd8 a crop \xff\xd9")
    told: list[tuple[str, int, int | None]] = []

    page = make_report(
        database,
        session_ids=[session_id],
        evidence_dir=tmp_path / "evidence",
        directory=tmp_path / "deep" / "report",
        urls={"gate 1/A": Camera(url=str(clip), fps=5.0)},
        title="Friday",
        progress=lambda *done: told.append(done),
    )

    video = f"gate-1-A-{session_id}.mp4"
    assert page == tmp_path / "deep" / "report" / "index.html"
    assert sorted(file.name for file in page.parent.iterdir()) == [video, "index.html"]
    with open_source(str(page.parent / video)) as source:
        assert len(list(source)) == 10
    text = page.read_text(encoding="utf-8")
    for piece in ("<title>Friday</title>", "1A23456", "paid", "12:00:00 CEST", "/9ggYSBjcm9wIP/Z", f"{video}#t=0.0"):
        assert piece in text
    assert told[-1] == ("gate 1/A", 10, 10)


def test_live_cameras_and_those_without_settings_have_no_video(database: Database, tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", frames=10)
    ids = [
        a_session(database, camera="live", source=clip, is_live=True),
        a_session(database, camera="other", source=clip),
    ]
    page = make_report(
        database,
        session_ids=ids,
        evidence_dir=tmp_path,
        directory=tmp_path / "report",
        urls={"live": Camera(url=str(clip))},
    )
    assert list(page.parent.iterdir()) == [page]
    assert page.read_text(encoding="utf-8").count('<li class="car"') == 2


def test_a_source_that_has_gone_costs_its_video_and_nothing_else(
    database: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    session_id = a_session(database, camera="gate", source=tmp_path / "gone.mp4")
    page = make_report(
        database,
        session_ids=[session_id],
        evidence_dir=tmp_path,
        directory=tmp_path / "report",
        urls={"gate": Camera(url=str(tmp_path / "gone.mp4"))},
    )
    assert list(page.parent.iterdir()) == [page]
    assert "gone.mp4: no such file or directory" in "".join(capfd.readouterr())


def test_only_the_sessions_asked_for_are_told_of(database: Database, tmp_path: Path) -> None:
    a_session(database, camera="north", source=tmp_path / "a.mp4")
    wanted = a_session(database, camera="south", source=tmp_path / "b.mp4")
    page = make_report(database, session_ids=[wanted], evidence_dir=tmp_path, directory=tmp_path, urls={})
    text = page.read_text(encoding="utf-8")
    assert "south" in text
    assert "north" not in text
