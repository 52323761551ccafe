"""The API around a database of a test, asked over a real socket."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from anpr import config
from anpr.types import Box, Candidate, PlateOutcome, Reading, Verdict, VerdictStatus, Vote
from api import app, server
from api.held import Held
from storage import evidence, keys, plate_events, plate_reads, sessions, verdicts
from storage.db import Database
from storage.keys import Role
from storage.plate_reads import DetectedPlate

T0 = datetime(2026, 5, 1, 10, tzinfo=UTC)
JPEG = b"\xff\xd8 a picture \xff\xd9"


@contextmanager
def held_for(database_url: str, *, evidence_dir: Path = Path("none"), **api: object) -> Iterator[Held]:
    """What a process of the API holds; `api` are its settings."""
    plain = {"database_url": database_url, "evidence_dir": str(evidence_dir), "api": api}
    settings = config.build(plain, where="test", environ={})
    database = Database(database_url, max_connections=app.CONNECTIONS)
    held = app.hold(settings, database, None)
    yield held
    held.live.close()
    database.close()


def a_key(database: Database, role: Role = Role.ADMIN, name: str | None = None) -> str:
    with database.transaction() as conn:
        return keys.add(conn, name or f"a {role.value}", role)


@contextmanager
def serving(held: Held) -> Iterator[str]:
    """The address of a real server in a thread."""
    listener = server.listening("127.0.0.1", 0)
    one = server.server(app.build(held), held)
    thread = threading.Thread(target=one.run, kwargs={"sockets": [listener]})
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with httpx.Client(base_url=address) as client:
        assert client.get("/healthz").status_code == 200
    yield address
    one.should_exit = True
    thread.join(10)
    listener.close()
    assert not thread.is_alive()


@contextmanager
def asking(held: Held, key: str | None = None) -> Iterator[httpx.Client]:
    """A client of such a server."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    with serving(held) as address, httpx.Client(base_url=address, headers=headers, timeout=60) as client:
        yield client


def an_event(
    database: Database,
    *,
    plate: str = "1A23456",
    camera: str = "north",
    at: datetime = T0,
    confidence: float = 0.875,
    status: VerdictStatus | None = VerdictStatus.VALID,
    evidence_dir: Path | None = None,
) -> int:
    """One car, read twice, judged unless `status` is None; with pictures where there is a directory for them."""
    candidates = (Candidate(text=plate, confidence=confidence), Candidate(text="X" + plate[1:], confidence=0.0625))
    with database.transaction() as conn:
        camera_id = sessions.camera_id(conn, camera, toll_country="CZ")
        session_id = sessions.start(
            conn, camera=camera_id, source="x", key=f"{at}", is_live=False, expected_frames=None
        )
        event_id = plate_events.create(conn, session_id, at=at)
        for frame_no in (0, 1):
            seen_at = at + timedelta(seconds=frame_no)
            box = Box(x1=10, y1=20, x2=110, y2=45)
            seen = DetectedPlate(frame_no=frame_no, plate_no=0, captured_at=seen_at, box=box, score=0.9, outcome=None)
            plate_reads.add_detected(conn, session_id, [seen])
            plate_reads.save(conn, session_id, (frame_no, 0), PlateOutcome.READ, Reading(candidates=candidates))
            if evidence_dir is not None:
                picture = evidence.write(evidence_dir, session_id, (frame_no, 0), JPEG + bytes([frame_no]))
                evidence.add(conn, session_id, picture)
        plate_reads.assign(conn, session_id, [(0, 0), (1, 0)], event_id)
        vote = Vote(plate=plate, confidence=confidence, candidates=candidates, agreeing=2)
        best = max(plate_reads.of_event(conn, event_id, most=2), key=lambda read: read.frame_no)
        plate_events.revote(conn, event_id, vote, best)
        plate_events.close(conn, session_id, before=None)
        if status is not None:
            verdicts.add(conn, event_id, 2, a_verdict(status, plate))
    return event_id


def a_verdict(status: VerdictStatus, plate: str = "1A23456") -> Verdict:
    return Verdict(
        status=status,
        reason="because",
        readings_tried=(plate,),
        vignette_id=None,
        snapshot_id=None,
        rules_version="test",
    )
