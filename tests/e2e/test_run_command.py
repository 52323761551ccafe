"""`anpr run` as a user meets it: what it finds, Ctrl-C, kill -9, and what it says of wrong input."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import psutil
import psycopg
import pytest
import yaml
from all_in_one import ENDED_S, run, running, running_on
from clips import a_clip, cut
from pipeline import EVERY_FRAME, QUEUE, QUICK, alive, check_ledger, family, found, name_of, until
from servers import open_directory

from cli.demo.vignettes import write_vignettes
from cli.embedded import EmbeddedServers
from storage import sessions
from storage.db import Database
from storage.sessions import Session

START = datetime.fromisoformat(EVERY_FRAME["start"])
pytestmark = pytest.mark.timeout(300)  # several runs each, on a machine that may have other work
GONE_S = 10.0  # Ctrl-C has everything gone by then
SERVERS = ("postgres", "redis-server")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
CUT_FRAMES = 50


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """One data directory for all runs: each finds what the one before left."""
    with open_directory() as directory:
        yield directory / "data"


@contextmanager
def opened(data_dir: Path) -> Iterator[Database]:
    """The database that a run left."""
    with EmbeddedServers(data_dir, redis=False) as servers:
        database = Database(servers.database_url)
        yield database
        database.close()


def sessions_in(database: Database, camera: str) -> list[Session]:
    with database.transaction() as conn:
        return sessions.of_cameras(conn, [camera], since=LONG_AGO)


def test_a_clip_pictures_and_half_a_clip_give_their_cars_verdicts_and_a_report(data_dir, clip, tmp_path):
    write_vignettes(tmp_path / "paid.csv", captured_at=START)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    with av.open(str(clip.path)) as video:
        for number, frame in enumerate(video.decode(video=0)):
            if number in (9, 10, 11):
                cv2.imwrite(str(pictures / f"{number}.jpg"), frame.to_ndarray(format="bgr24"))
    whole = a_clip(tmp_path / "whole.mp4", frames=CUT_FRAMES)
    half = cut(whole, to=0.6)
    report = tmp_path / "report"

    status, out, err = run(
        data_dir, clip.path, pictures, half, "--start", START.isoformat(), "--vignettes", tmp_path / "paid.csv",
        "--report", report,
    )  # fmt: skip
    print(out, err)
    assert (status, "Traceback" in err) == (0, False)
    with opened(data_dir) as database:
        [road], [shots], [short] = (sessions_in(database, name) for name in ("road", "pictures", "cut_whole"))
        for session in (road, shots, short):
            check_ledger(database, session, data_dir / "evidence")
        judged = verdicts_in(database, road)
    assert judged == {
        "1A23456": "VALID",
        "MKT4173": "SUSPECT",  # its vignette had run out
        "5H71964": "VALID",
        "KR4E713": "SUSPECT",  # it has none
        "G347KL": "EXEMPT",
        "KE417HT": "VALID",
    }
    assert set(judged) == {car.plate for car in clip.cars}
    assert (road.offered, shots.offered, shots.sampled, shots.read) == (clip.frames, 3, 3, 3)
    assert 10 < short.offered < CUT_FRAMES
    assert short.corrupt > 0
    page = (report / "index.html").read_text()
    assert [plate for plate in judged if plate not in page] == []
    videos = {path.name: frames_in(path) for path in report.glob("*.mp4")}
    assert videos == {
        f"road-{road.id}.mp4": clip.frames,
        f"pictures-{shots.id}.mp4": 3,
        f"cut_whole-{short.id}.mp4": short.offered,
    }


def verdicts_in(database: Database, session: Session) -> dict[str, str]:
    """Plate → verdict in force, of the events that could be read."""
    with database.transaction() as conn:
        rows = conn.execute(
            """
            select e.plate, v.status from plate_events e
            join verdicts v on v.event_id = e.id and v.revision = e.revision
            where e.session_id = %(id)s and v.status <> 'UNREADABLE'
            """,
            {"id": session.id},
        ).fetchall()
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def frames_in(path: Path) -> int:
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


def under_way(data_dir: Path, camera: str, *, frames: int) -> None:
    """Wait until a run has dealt with `frames` of a camera."""
    url = EmbeddedServers(data_dir).database_url

    def look() -> bool:
        try:
            with psycopg.connect(url) as conn:
                found = sessions.of_cameras(conn, [camera], since=LONG_AGO)
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):  # it is only starting
            return False
        return any(one.accounted >= frames for one in found)

    until(look, within_s=60, what=f"{frames} frames of {camera} are dealt with")


def test_a_run_that_is_stopped_or_killed_or_loses_its_servers_loses_nothing(data_dir, clip, undisturbed, tmp_path):
    config = tmp_path / "anpr.yaml"
    cameras = {"often": {"url": str(clip.path), **EVERY_FRAME}}
    config.write_text(yaml.safe_dump({"cameras": cameras, "queue": QUEUE} | QUICK))  # as it was undisturbed

    with running(data_dir, "--config", config) as process:
        under_way(data_dir, "often", frames=4)
        children = family(process.pid)
        began_s = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=ENDED_S)
        left = alive(children) + running_on(data_dir)
        took_s = time.monotonic() - began_s
    print(f"gone {took_s:.1f} s after Ctrl-C", out, err)
    assert (left, process.returncode, "Traceback" in err) == ([], 0, False)
    assert took_s < GONE_S
    assert "not finished: often; the next run on this data goes on there" in out

    with running(data_dir, "--config", config) as killed:
        under_way(data_dir, "often", frames=40)
        children = [one for one in family(killed.pid) if name_of(one) not in (*SERVERS, "")]
        began_s = time.monotonic()
        killed.kill()
        until(lambda: not alive(children), within_s=GONE_S, what="workers and ingest are gone")
        print(f"gone {time.monotonic() - began_s:.1f} s after kill -9")
        killed.wait()
        orphans = running_on(data_dir)
        assert {name_of(one) for one in orphans} - {""} == set(SERVERS)

        with running(data_dir, "--config", config) as process:
            under_way(data_dir, "often", frames=60)
            assert alive(orphans) == []
            for server in (one for one in running_on(data_dir) if name_of(one) in SERVERS):
                with suppress(psutil.NoSuchProcess):
                    server.kill()
            out, err = process.communicate(timeout=ENDED_S)
            assert running_on(data_dir) == []
    print(out, err)
    assert (process.returncode, "Traceback" in err) == (0, False)
    with opened(data_dir) as database:
        [session] = sessions_in(database, "often")
        check_ledger(database, session, data_dir / "evidence")
        assert (session.offered, session.sampled, session.complete) == (clip.frames, clip.frames, True)
        assert (session.expired, session.failed) == (0, 0)
        assert found(database, session) == undisturbed
