"""What passings left is gone when its time has come: from Redis, Postgres' files, the pictures and the logs."""

import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import pytest
from commands import Ran, run
from pipeline import OwnServers, emptied, until
from servers import open_directory
from structlog.testing import capture_logs

from anpr import config
from anpr.cases import Answer, Review
from anpr.errors import BadInput
from anpr.retention import pseudonym
from anpr.types import VerdictStatus
from anpr.vignette_lists import VignetteRow
from cli.check import check as check_command
from cli.demo.scene import Scene
from cli.embedded import EmbeddedServers
from cli.events import events as events_command
from cli.explain import explain
from cli.purge import purge as purge_command
from models.detector.inference import Detector
from models.reader import load_reader
from storage import corrections, erasures, plate_reads, reviews, sessions, vignettes
from storage.sessions import IngestCounters, Session
from workers import frames, process, purge, queues
from workers.check import check, group
from workers.detect import detect
from workers.frames import StoredFrame
from workers.process import Process
from workers.read import read
from workers.sweep import sweep

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
NUMBERS = [0, 1, 2, 3]
KEY = "a secret of the test"
PAID, UNPAID = "1A23456", "MKT4173"
CORRECTED = "XQZ8241"
TYPED = "7TR7788"  # by a reviewer
LEAST = 6  # shorter texts may stand anywhere in a hundred megabytes by chance


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedServers]:
    """Servers whose files hold nothing but what these tests do."""
    with open_directory() as directory, EmbeddedServers(directory / "data") as running:
        yield running


@pytest.fixture
def own(embedded: EmbeddedServers) -> Iterator[OwnServers]:
    with emptied(embedded) as servers:
        yield servers


@pytest.fixture(scope="module")
def networks() -> tuple[Detector, Any]:
    # The smaller detector, to which the far cars' plates are too small to be read.
    return Detector.load(Path("ssd_mobilenet_v2_320")), load_reader("tflite")


@pytest.fixture(scope="module")
def jpegs() -> list[bytes]:
    """Two near cars and far ones, which are too small to be read."""
    scene = Scene(7)
    return [cv2.imencode(".jpg", scene.frame(44 + 2 * number))[1].tobytes() for number in NUMBERS]


def a_worker(own: OwnServers, networks: tuple[Detector, Any], evidence_dir: Path, **retention: object) -> Process:
    """This process as a worker of all stages."""
    plain = {"evidence_dir": str(evidence_dir), "retention": retention}
    plain |= {"database_url": own.database_url, "redis_url": own.redis_url}
    settings = config.build(plain, where="test", environ={})
    one = Process(
        settings=settings,
        redis=queues.connect(own.redis_url),
        database=process.Database(own.database_url),
        loaded_detector=networks[0],
        loaded_reader=networks[1],
        purges_at_s=float("inf"),  # the tests say when
        tidies_at_s=float("inf"),
    )
    process.hold(one)
    return one


@pytest.fixture
def held(own: OwnServers, networks: tuple[Detector, Any], tmp_path: Path) -> Iterator[Process]:
    one = a_worker(own, networks, tmp_path / "evidence", key=KEY)
    yield one
    one.database.close()
    one.redis.close()


@dataclass(slots=True, kw_only=True)
class Passings:
    """What the passings of three cars left, and where it was seen on its way."""

    session_id: int
    pictures: list[bytes] = field(default_factory=list[bytes])  # from the middle of each crop
    redis: set[bytes] = field(default_factory=set[bytes])  # those of them that Redis held
    texts: dict[str, set[str]] = field(default_factory=dict[str, set[str]])  # by verdict: all that tell a plate


def a_vignette(country: str) -> VignetteRow:
    return VignetteRow(
        toll_country=country,
        plate=PAID,
        plate_country="",
        kind="year",
        valid_from=START - timedelta(days=9),
        valid_to=START + timedelta(days=9),
    )


def passings(held: Process, jpegs: list[bytes], *, country: str = "CZ") -> Passings:
    """Run the stages on pictures of cars: one has paid, one has not, the far ones are too small to be read."""
    with held.database.transaction() as conn:
        camera = sessions.camera_id(conn, "gate", toll_country=country)
        session_id = sessions.start(conn, camera=camera, source="x", key="x", is_live=False, expected_frames=4)
        counters = IngestCounters(offered=len(jpegs), sampled=len(jpegs))
        sessions.report(conn, session_id, counters, ended=True, complete=True)
        vignettes.import_snapshot(
            conn, country, [a_vignette(country)], vignettes.Origin(source="test", sha256="", as_of=datetime.now(UTC))
        )
    pipe = held.redis.pipeline()
    for number, jpeg in enumerate(jpegs):
        at = START + timedelta(seconds=number / 5)
        frames.add(pipe, session_id, StoredFrame(frame_no=number, captured_at=at, left_px=0, top_px=0, jpeg=jpeg))
    pipe.execute()

    found = Passings(session_id=session_id)
    detect(session_id, NUMBERS)
    with held.database.transaction() as conn:
        keys = plate_reads.unread(conn, session_id)
    crops = frames.fetch_crops(held.redis, session_id, keys)
    found.pictures = [jpeg[len(jpeg) // 2 :][:100] for jpeg in crops.values()]
    found.redis = in_redis(held, found.pictures)
    read(session_id, [list(key) for key in keys])
    group(session_id)
    sweep(held)
    with held.database.transaction() as conn:
        ids = [row[0] for row in conn.execute("select id from plate_events order by id")]
    for event_id in ids:
        check(event_id)
    sweep(held)
    with held.database.transaction() as conn:
        rows = conn.execute(_TEXTS).fetchall()
    for status, texts in rows:
        found.texts.setdefault(status, set()).update(text for text in texts if len(text) >= LEAST)
    return found


_TEXTS = """
select v.status, array(
    select e.plate
    union select c ->> 'text' from jsonb_array_elements(e.candidates) c
    union select r.text from plate_reads r where r.event_id = e.id
    union select c ->> 'text' from plate_reads r, jsonb_array_elements(r.candidates) c where r.event_id = e.id
    union (select unnest(v.readings_tried) limit 9))
from plate_events e join verdicts v on v.event_id = e.id
"""


def correct_the_suspect(held: Process, left: Passings) -> None:
    with held.database.transaction() as conn:
        [(event_id,)] = conn.execute("select event_id from verdicts where status = 'SUSPECT'").fetchall()
        corrections.add(conn, event_id, CORRECTED, who="officer 7", reason=f"it says {CORRECTED}")
    check(event_id)
    sweep(held)
    left.texts["SUSPECT"].add(CORRECTED)


def in_redis(held: Process, needles: list[bytes]) -> set[bytes]:
    """Those of the needles that any value of Redis holds, jobs unpacked."""
    held_there = b"\n".join(_values(held))
    return {needle for needle in needles if needle in held_there}


def _values(held: Process) -> Iterator[bytes]:
    client: Any = held.redis
    read_all: dict[bytes, Any] = {
        b"string": lambda key: [client.get(key)],
        b"hash": lambda key: [one for pair in client.hgetall(key).items() for one in pair],
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": lambda key: [one for _, entry in client.xrange(key) for one in entry.values()],
    }
    for key in client.scan_iter():
        yield key
        for value in read_all[client.type(key)](key):
            yield value
            with suppress(zlib.error):
                yield zlib.decompress(value)


def in_files(directory: Path, needles: list[bytes]) -> dict[bytes, set[str]]:
    """Each needle that a file below the directory holds, with the folders at its top where it does."""
    found: dict[bytes, set[str]] = {}
    for path in directory.rglob("*"):
        with suppress(FileNotFoundError):
            content = path.read_bytes() if path.is_file() else b""
            for needle in needles:
                if needle in content:
                    found.setdefault(needle, set()).add("/".join(path.relative_to(directory).parts[:2]))
    return found


def counted(held: Process, session_id: int) -> tuple[Session, Counter[tuple[Any, ...]]]:
    """All counters there are: of the session, of reads by outcome and event, of verdicts."""
    with held.database.transaction() as conn:
        [session] = sessions.get(conn, [session_id])
        rows = conn.execute("select 'read', outcome, event_id from plate_reads").fetchall()
        rows += conn.execute("select 'event', reads, agreeing, first_seen, last_seen from plate_events").fetchall()
        rows += conn.execute("select 'verdict', event_id, status, rules_version from verdicts").fetchall()
    return session, Counter(rows)


def plates(held: Process) -> dict[str, tuple[str, str | None]]:
    """Plate and pseudonym of the events by the status of their verdict."""
    with held.database.transaction() as conn:
        rows = conn.execute(
            "select v.status, e.plate, e.pseudonym from plate_events e join verdicts v on v.event_id = e.id"
        )
        return {row[0]: (row[1], row[2]) for row in rows}


def listed_plates(held: Process) -> list[str]:
    with held.database.transaction() as conn:
        return [row[0] for row in conn.execute("select plate from vignettes")]


def review_the_suspect(held: Process) -> None:
    """Somebody reads another plate off the pictures of the case."""
    sweep(held)
    with held.database.transaction() as conn:
        shown = reviews.claim(conn, "ann", hold_s=900, now=datetime.now(UTC))
        assert shown is not None
        said = Review(reviewer="ann", answer=Answer.CONFIRM, plate=TYPED)
        reviews.answer(conn, shown.case_id, said, reason="", now=datetime.now(UTC))


def test_what_passings_left_is_gone_from_everywhere_when_its_time_has_come(
    held: Process, own: OwnServers, jpegs: list[bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    data = own.embedded.data_dir
    with held.database.autocommit() as conn:
        conn.execute("select pg_switch_wal()")  # all of it fits into a new segment, which a checkpoint then keeps
    with capture_logs() as logs:
        left = passings(held, jpegs)
        correct_the_suspect(held, left)
        assert run(events_command, "--plate", UNPAID, DATABASE_URL=own.database_url).out.count(UNPAID) == 1
        printed = capfd.readouterr()
        review_the_suspect(held)
        texts = [TYPED.encode(), *(text.encode() for found in left.texts.values() for text in found)]
        assert set(left.texts) == {"VALID", "SUSPECT", "UNREADABLE"}
        before = counted(held, left.session_id)
        assert before[0].settled_at is not None

        # The control: the same search finds all of it while it is there.
        assert {PAID, UNPAID, CORRECTED} <= {text.decode() for text in texts}
        assert left.redis == set(left.pictures)
        assert b"workers.check.check" in b"\n".join(_values(held))  # jobs are unpacked, so plates in them would be seen
        with held.database.autocommit() as conn:
            conn.execute("checkpoint")
        found = in_files(data, [*texts, *left.pictures])
        assert {text for text in texts if "postgres/base" in found.get(text, ())} == set(texts)
        assert {text for text in texts if "postgres/pg_wal" in found.get(text, ())} == set(texts)
        assert any(place.startswith("redis/") for picture in left.pictures for place in found.get(picture, ()))
        kept = in_files(held.evidence_dir, left.pictures)
        assert len(kept) >= 3

        hours = {"paid": timedelta(hours=25), "doubtful": timedelta(days=8), "suspect": timedelta(days=91)}
        plate_of = plates(held)
        pseudonym_of = pseudonym(KEY, plate_of["UNREADABLE"][0])
        purge.purge(held.database, held.redis, held.settings, now=now + timedelta(hours=23))
        assert plates(held) == plate_of
        purge.purge(held.database, held.redis, held.settings, now=now + hours["paid"])
        assert plates(held) == plate_of | {"VALID": ("", None)}
        purge.purge(held.database, held.redis, held.settings, now=now + hours["doubtful"])
        assert plates(held)["UNREADABLE"] == ("", pseudonym_of)
        assert plates(held)["SUSPECT"] == plate_of["SUSPECT"]
        done = purge.purge(held.database, held.redis, held.settings, now=now + hours["suspect"])
        assert done.events == {(VerdictStatus.SUSPECT, "erased"): 1}
        assert purge.purge(held.database, held.redis, held.settings, now=now + hours["suspect"]).events == {}
        sweep(held)
        assert counted(held, left.session_id) == before

        # The list in force is the operator's own, but not the one that another has replaced.
        assert listed_plates(held) == [PAID]
        with held.database.transaction() as conn:
            another = replace(a_vignette("CZ"), plate="9Z99999")
            vignettes.import_snapshot(
                conn, "CZ", [another], vignettes.Origin(source="", sha256="", as_of=datetime.now(UTC))
            )
        assert purge.purge(held.database, held.redis, held.settings, now=now + hours["suspect"]).vignettes == 1
        assert listed_plates(held) == ["9Z99999"]
        purge.tidy(held.database, held.redis, held.settings, now=now + hours["suspect"])
        assert erasures.rewrite(held.database)
        queues_are_written_anew(held)
    assert in_redis(held, [*texts, *left.pictures]) == set()
    assert in_files(data, [*texts, *left.pictures]) == {}
    assert [path for path in held.evidence_dir.rglob("*") if path.is_file()] == []
    assert {"plates.read", "event.judged"} <= {line["event"] for line in logs}
    output = (repr(logs) + "".join(printed) + "".join(capfd.readouterr())).encode()
    assert [text for text in texts if text in output] == []


def queues_are_written_anew(held: Process) -> None:
    """Wait until Redis has done what `tidy` asked of it."""
    until(
        lambda: not held.redis.info("persistence")["aof_rewrite_in_progress"],
        within_s=30,
        what="the append-only file is written anew",
    )


def test_the_ledger_tells_what_was_erased_and_no_plate(held: Process, jpegs: list[bytes]) -> None:
    left = passings(held, jpegs)
    with held.database.transaction() as conn:  # a look that was no plate's, and of which a few characters were read
        conn.execute(
            "insert into plate_reads (session_id, frame_no, plate_no, captured_at, x1, y1, x2, y2, detection_score,"
            " outcome, text, confidence, read_at) values (%s, 3, 99, now(), 1, 1, 50, 20, 0.6, 'unreadable', 'W6',"
            " 0.01, now())",
            (left.session_id,),
        )
    later = datetime.now(UTC) + timedelta(days=400)
    purge.purge(held.database, held.redis, held.settings, now=later)
    purge.purge(held.database, held.redis, held.settings, now=later + timedelta(days=181))
    with held.database.transaction() as conn:
        ledger = conn.execute("select camera, outcome, rule, act, reads > 0, pictures > 0 from erasures").fetchall()
        statuses = dict(conn.execute("select event_id, status from verdicts").fetchall())
        events = conn.execute("select event_id, outcome from erasures where event_id is not null").fetchall()
        assert conn.execute("select count(*) from plate_events where pseudonym is not null").fetchone() == (0,)
    assert sorted(set(ledger)) == [
        ("gate", "SUSPECT", "CZ suspect 2160 h", "erased", True, True),
        ("gate", "UNREADABLE", "CZ doubtful 168 h", "pseudonymised", True, True),
        ("gate", "UNREADABLE", "looks of no event", "erased", True, False),
        ("gate", "UNREADABLE", "pseudonyms", "pseudonym erased", False, False),
        ("gate", "VALID", "CZ paid 24 h", "erased", True, True),
    ]
    assert all(statuses[event_id] == outcome for event_id, outcome in events)
    assert left.texts


def test_without_a_key_what_would_be_pseudonymised_is_erased(
    own: OwnServers, networks: tuple[Detector, Any], jpegs: list[bytes], tmp_path: Path
) -> None:
    keyless = a_worker(own, networks, tmp_path / "evidence")
    passings(keyless, jpegs)
    later = datetime.now(UTC) + timedelta(days=8)
    done = purge.purge(keyless.database, keyless.redis, keyless.settings, now=later)
    assert done.events[VerdictStatus.UNREADABLE, "erased"] > 0
    assert done.events[VerdictStatus.UNREADABLE, "pseudonymised"] == 0
    assert plates(keyless)["UNREADABLE"] == ("", None)
    keyless.database.close()


def test_an_erased_event_is_not_judged_again_nor_joined(held: Process, jpegs: list[bytes]) -> None:
    left = passings(held, jpegs)
    purge.purge(held.database, held.redis, held.settings, now=datetime.now(UTC) + timedelta(days=400))
    before = counted(held, left.session_id)
    with held.database.transaction() as conn:
        ids = [row[0] for row in conn.execute("select id from plate_events")]
        assert plate_reads.grouped_near(conn, left.session_id, since=START, until=START, gap_s=60) == []
    for event_id in ids:
        check(event_id)
    group(left.session_id)
    sweep(held)
    assert counted(held, left.session_id) == before


def test_in_austria_what_was_paid_is_erased_at_once(
    own: OwnServers, networks: tuple[Detector, Any], jpegs: list[bytes], tmp_path: Path
) -> None:
    held = a_worker(own, networks, tmp_path / "evidence")
    passings(held, jpegs, country="AT")
    assert plates(held)["VALID"] == (PAID, None)
    held.purges_at_s = 0.0
    sweep(held)
    assert plates(held)["VALID"] == ("", None)
    assert [plate for status, (plate, _) in plates(held).items() if status != "VALID" and not plate] == []
    held.database.close()


def test_an_event_beside_one_that_is_still_open_is_left_alone(held: Process, jpegs: list[bytes]) -> None:
    passings(held, jpegs)
    later = datetime.now(UTC) + timedelta(days=400)
    with held.database.transaction() as conn:
        conn.execute("update plate_events set state = 'open' where plate = %(plate)s", {"plate": UNPAID})
    assert purge.purge(held.database, held.redis, held.settings, now=later).events == {}


def test_pictures_and_crops_that_accidents_left_are_tidied_away(held: Process, jpegs: list[bytes]) -> None:
    left = passings(held, jpegs)
    stray = held.evidence_dir / str(left.session_id) / "000000" / ".7-0.jpg.123"
    stray.write_bytes(b"a picture half written")
    (held.evidence_dir / "of somebody else.jpg").write_bytes(b"")
    frames.add_crops(held.redis, left.session_id, {(0, 0): b"a crop of a straggler"})
    now = datetime.now(UTC)
    assert purge.tidy(held.database, held.redis, held.settings, now=now).pictures == 0
    assert frames.sessions_held(held.redis) == []
    kept = in_files(held.evidence_dir, left.pictures)
    assert purge.tidy(held.database, held.redis, held.settings, now=now + timedelta(hours=2)).pictures == 1
    assert not stray.exists()
    assert (held.evidence_dir / "of somebody else.jpg").exists()
    assert in_files(held.evidence_dir, left.pictures) == kept


def test_frames_that_no_worker_came_to_are_dropped_and_counted(held: Process, jpegs: list[bytes]) -> None:
    with held.database.transaction() as conn:
        camera = sessions.camera_id(conn, "gate", toll_country="CZ")
        session_id = sessions.start(conn, camera=camera, source="x", key="x", is_live=False, expected_frames=1)
        sessions.report(conn, session_id, IngestCounters(offered=1, sampled=1), ended=True, complete=True)
    pipe = held.redis.pipeline()
    frames.add(pipe, session_id, StoredFrame(frame_no=0, captured_at=START, left_px=0, top_px=0, jpeg=jpegs[0]))
    pipe.execute()
    now = datetime.now(UTC)
    assert purge.tidy(held.database, held.redis, held.settings, now=now + timedelta(days=6)).waiting == 0
    assert purge.tidy(held.database, held.redis, held.settings, now=now + timedelta(days=8)).waiting == 1
    sweep(held)
    with held.database.transaction() as conn:
        [session] = sessions.get(conn, [session_id])
    assert (session.expired, session.accounted, session.settled_at is not None) == (1, 1, True)


def test_searches_of_plates_are_recorded_and_their_plates_forgotten(held: Process, own: OwnServers) -> None:
    def ran(command: Any, *args: str, **env: str) -> Ran:
        return run(command, *args, DATABASE_URL=own.database_url, **env)

    ran(events_command, "--plate", "1a2*", "--as", "officer 7", "--reason", "case 12")
    ran(events_command, "--camera", "gate")
    ran(check_command, "MKT 4173", "--country", "CZ")
    named = ran(check_command, "MKT 4173", "--reason", "the wife of mkt-4173")
    assert isinstance(named.error, BadInput)
    with held.database.transaction() as conn:
        rows = conn.execute("select who, command, plate, pseudonym, reason from plate_searches order by id").fetchall()
    assert rows[0] == ("officer 7", "events", "1A2*", None, "case 12")
    assert [row[1:] for row in rows[1:]] == [("check", UNPAID, None, "")]
    assert rows[1][0]

    purge.purge(held.database, held.redis, held.settings, now=datetime.now(UTC) + timedelta(hours=25))
    with held.database.transaction() as conn:
        assert conn.execute("select count(*), count(plate) from plate_searches").fetchone() == (2, 0)
    purge.purge(held.database, held.redis, held.settings, now=datetime.now(UTC) + timedelta(days=366))
    with held.database.transaction() as conn:
        assert conn.execute("select count(*) from plate_searches").fetchone() == (0,)


def test_with_a_key_a_search_is_recorded_as_a_pseudonym(held: Process, own: OwnServers, tmp_path: Path) -> None:
    file = tmp_path / "anpr.yaml"
    file.write_text("retention: {key: '${ANPR_RETENTION_KEY}'}")
    words = (UNPAID, "--country", "CZ", "--config", file)
    run(check_command, *words, DATABASE_URL=own.database_url, ANPR_RETENTION_KEY=KEY)
    with held.database.transaction() as conn:
        rows = conn.execute("select plate, pseudonym from plate_searches").fetchall()
    assert rows == [(None, pseudonym(KEY, UNPAID))]


def test_the_command_says_what_is_due_and_erases_it(held: Process, own: OwnServers, jpegs: list[bytes]) -> None:
    passings(held, jpegs)
    file = held.evidence_dir.parent / "anpr.yaml"
    file.write_text(f"evidence_dir: {held.evidence_dir}\nretention: {{paid_h: 0}}\n")
    env = {"DATABASE_URL": own.database_url, "REDIS_URL": own.redis_url, "ANPR_CONFIG": str(file)}
    assert run(purge_command, "--dry-run", **env).out == "VALID: 1 events to be erased\n"
    assert plates(held)["VALID"] == (PAID, None)
    ran = run(purge_command, "--rewrite", **env)
    assert (ran.status, ran.error) == (0, None)
    assert ran.out.startswith("VALID: 1 events erased\n")
    assert plates(held)["VALID"] == ("", None)
    assert run(purge_command, "--dry-run", **env).out == "no event is due\n"
    with held.database.transaction() as conn:
        [(event_id,)] = conn.execute("select event_id from verdicts where status = 'VALID'").fetchall()
    told = run(explain, event_id, DATABASE_URL=own.database_url).out
    assert told.startswith("The verdict was VALID. What it was judged on was erased on ")


def test_a_picture_that_cannot_be_removed_leaves_its_event_as_it_was(held: Process, jpegs: list[bytes]) -> None:
    passings(held, jpegs)
    with held.database.transaction() as conn:
        [(path,)] = conn.execute("select path from evidence order by 1 limit 1").fetchall()
    (held.evidence_dir / path).unlink()
    (held.evidence_dir / path).mkdir()  # which nobody can unlink, root included
    before = plates(held)
    with pytest.raises(OSError, match="directory"):
        purge.purge(held.database, held.redis, held.settings, now=datetime.now(UTC) + timedelta(days=400))
    assert plates(held) == before
