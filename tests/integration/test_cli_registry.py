"""The commands that ask the database: vignettes import, check, events."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from commands import Ran, run
from rich.console import Console
from servers import TestServers

from anpr.errors import BadConfig, BadInput, BadRegistry, Unavailable
from anpr.types import Box, Candidate, PlateOutcome, Reading, Region, Verdict, VerdictStatus, Vote
from api.forms import EVENT_COLUMNS
from cli import check, events, vignettes
from cli.progress import list_progress
from cli.searches import account
from storage import plate_events, plate_reads, sessions, verdicts
from storage.db import Database
from storage.list_files import Step
from storage.plate_reads import DetectedPlate

HEADER = "toll_country,plate,plate_country,kind,valid_from,valid_to\n"
T0 = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)


def a_list(directory: Path, *lines: str, header: str = HEADER, name: str = "list.csv") -> Path:
    path = directory / name
    path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def imported(url: str, *args: object) -> Ran:
    return run(vignettes.app, "import", *args, DATABASE_URL=url)


def checked(url: str, *args: object) -> Ran:
    return run(check.check, *args, DATABASE_URL=url)


def listed(url: str, *args: object) -> Ran:
    return run(events.events, *args, DATABASE_URL=url)


def an_event(
    url: str,
    *,
    plate: str = "1A23456",
    camera: str = "north",
    at: datetime = T0,
    status: VerdictStatus | None = VerdictStatus.VALID,
) -> int:
    """One car, read once, judged unless `status` is None."""
    candidates = (Candidate(text=plate, confidence=0.875), Candidate(text="X" + plate[1:], confidence=0.0625))
    database = Database(url)
    with database.transaction() as conn:
        camera_id = sessions.camera_id(conn, camera, toll_country="CZ")
        session_id = sessions.start(
            conn, camera=camera_id, source="x", key=f"{at}", is_live=False, expected_frames=None
        )
        seen = DetectedPlate(
            frame_no=0, plate_no=0, captured_at=at, box=Box(x1=0, y1=0, x2=90, y2=20), score=0.9, outcome=None
        )
        plate_reads.add_detected(conn, session_id, [seen])
        plate_reads.save(conn, session_id, (0, 0), PlateOutcome.READ, Reading(candidates=candidates))
        event_id = plate_events.create(conn, session_id, at=at)
        plate_reads.assign(conn, session_id, [(0, 0)], event_id)
        best = plate_reads.of_event(conn, event_id, most=1)[0]
        vote = Vote(plate=plate, confidence=0.875, candidates=candidates, agreeing=1)
        regions = (Region(country="CZ", probability=0.75), Region(country="", probability=0.25))
        plate_events.revote(conn, event_id, vote, best, regions)
        if status is not None:
            plate_events.close(conn, session_id, before=None)
            verdict = Verdict(
                status=status,
                reason="because",
                readings_tried=(plate,),
                vignette_id=None,
                snapshot_id=None,
                rules_version="test",
            )
            verdicts.add(conn, event_id, 2, verdict)
    database.close()
    return event_id


def test_a_list_becomes_the_registry_of_each_of_its_countries(database_url: str, tmp_path: Path) -> None:
    path = a_list(
        tmp_path,
        "CZ,1A2 3456,CZ,year,2026-05-01,2027-04-30",
        "SK,KE417HT,SK,30-day,2026-05-01,2026-05-30",
        "CZ,G-347KL,AT,exempt,2020-01-01,9999-12-31",
    )
    os.utime(path, (T0.timestamp(), T0.timestamp()))
    ran = imported(database_url, path)
    assert ran == Ran(
        status=0,
        out=f"imported 2 vignettes for CZ as of 2026-05-01 10:00 UTC from {path}\n"
        f"imported 1 vignette for SK as of 2026-05-01 10:00 UTC from {path}\n",
        err="",
        error=None,
    )
    with psycopg.connect(database_url) as conn:
        stored = conn.execute(
            "select s.toll_country, s.vignettes, s.as_of, length(s.sha256), array_agg(v.plate order by v.id)"
            " from registry_snapshots s join vignettes v on v.snapshot_id = s.id group by s.id order by s.toll_country"
        ).fetchall()
    assert stored == [("CZ", 2, T0, 64, ["1A23456", "G347KL"]), ("SK", 1, T0, 64, ["KE417HT"])]


def test_a_wrong_line_leaves_the_list_before_in_force(database_url: str, tmp_path: Path) -> None:
    imported(database_url, a_list(tmp_path, "CZ,1A23456,CZ,year,2026-05-01,2027-04-30"))
    bad = a_list(
        tmp_path,
        "CZ,5H71964,CZ,year,2026-05-01,2027-04-30",
        "CZ,5H71965,CZ,year,2026-02-01,2026-01-01",
        name="bad.csv",
    )
    ran = imported(database_url, bad)
    assert isinstance(ran.error, BadRegistry)
    assert str(ran.error) == (f"{bad}: 1 line is wrong: line 3: valid_to 2026-01-01 lies before valid_from 2026-02-01")
    assert checked(database_url, "1A23456", "--at", "2026-06-01T00:00Z").status == 0
    assert checked(database_url, "5H71964", "--at", "2026-06-01T00:00Z").status == 1


def test_the_newest_list_replaces_the_one_before(database_url: str, tmp_path: Path) -> None:
    header = "plate;kind;valid_from;valid_to\n"
    for plate in ("1A23456", "5H71964"):
        ran = imported(
            database_url, a_list(tmp_path, f"{plate};year;2026-05-01;2027-04-30", header=header), "--country", "cz"
        )
        assert ran.status == 0
    assert checked(database_url, "1A23456", "--at", "2026-06-01T00:00Z").status == 1
    assert checked(database_url, "5H71964", "--at", "2026-06-01T00:00Z").status == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file or directory"),
        (HEADER.encode() + b"CZ,\xff\xfe,CZ,year,2026-05-01,2026-05-31\n", "a vignette list is UTF-8 text"),
        (b"", "the first line must name the columns"),
        (HEADER.encode(), "holds no vignette"),
    ],
)
def test_a_file_that_is_no_list_is_told_in_one_line(
    database_url: str, tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "list.csv"
    if content is not None:
        path.write_bytes(content)
    error = imported(database_url, path).error
    assert isinstance(error, BadRegistry)
    assert str(error).startswith(f"{path}: {told}")
    assert "\n" not in str(error)


def test_a_list_is_not_true_as_of_tomorrow(database_url: str, tmp_path: Path) -> None:
    path = a_list(tmp_path, "CZ,1A23456,CZ,year,2026-05-01,2027-04-30")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert isinstance(imported(database_url, path, "--as-of", tomorrow.isoformat()).error, BadRegistry)
    os.utime(path, (tomorrow.timestamp(), tomorrow.timestamp()))
    assert imported(database_url, path).status == 0
    with psycopg.connect(database_url) as conn:
        assert conn.execute("select bool_and(as_of <= now()) from registry_snapshots").fetchone() == (True,)


def test_keys_and_signatures_made_by_the_commands_let_a_list_in(database_url: str, tmp_path: Path) -> None:
    def ran(*args: object) -> Ran:
        return run(vignettes.app, *args, DATABASE_URL=database_url)

    key, path = tmp_path / "registry.key", a_list(tmp_path, "CZ,1A23456,CZ,year,2026-05-01,2027-04-30")
    made = ran("keygen", key)
    public, fingerprint = (line.rpartition(": ")[2] for line in made.out.splitlines()[1:])
    assert key.stat().st_mode & 0o777 == 0o600
    assert str(ran("keygen", key).error) == f"{key}: is there already"
    config = tmp_path / "anpr.yaml"
    config.write_text(f"registry: {{public_keys: {{CZ: {public}}}}}")
    assert "is not signed" in str(ran("import", path, "--config", config).error)
    assert ran("sign", key, path).out == f"signed {path} by {fingerprint}: {path}.sig\n"
    assert f", signed by {fingerprint[:16]}…" in ran("import", path, "--config", config).out
    assert ran("sign", key, path, "--out", tmp_path / "s").status == 0
    in_pem = (tmp_path / "registry.key.pub").read_text().replace("\n", "\n      ")
    config.write_text(f"registry:\n  public_keys:\n    CZ:\n    - |\n      {in_pem}")
    assert ran("import", path, "--config", config, "--signature", tmp_path / "s").status == 0
    [listed_as, _] = [json.loads(line) for line in ran("list", "--format", "json").out.splitlines()]
    assert listed_as["signed_by"] == fingerprint
    for wrong in (path, tmp_path / "nowhere"):
        error = ran("sign", wrong, path).error
        assert isinstance(error, BadInput)
        assert str(error).startswith(f"{wrong}: ")


def test_a_list_with_far_fewer_vignettes_comes_in_only_if_one_says_so(database_url: str, tmp_path: Path) -> None:
    lines = ["CZ,1A23456,CZ,year,2026-05-01,2027-04-30", "CZ,5H71964,CZ,year,2026-05-01,2027-04-30"]
    imported(database_url, a_list(tmp_path, *lines))
    short = a_list(tmp_path, *lines[:1])
    error = imported(database_url, short).error
    assert isinstance(error, BadRegistry)
    assert str(error).endswith("if it is whole, say `anpr vignettes import --accept-shrink`")
    assert imported(database_url, short, "--accept-shrink").status == 0


def test_the_snapshots_are_listed_with_what_is_in_force(database_url: str, tmp_path: Path) -> None:
    def told(*args: object) -> list[list[str]]:
        out = run(vignettes.app, "list", *args, DATABASE_URL=database_url).out
        return [line.split() for line in out.splitlines() if line.strip()][2:]

    assert run(vignettes.app, "list", DATABASE_URL=database_url).out == "no vignette list was imported yet\n"
    a = a_list(tmp_path, "CZ,1A23456,CZ,year,2026-05-01,2027-04-30", "SK,KE417HT,SK,30-day,2026-05-01,2026-05-30")
    imported(database_url, a, "--as-of", "3d")
    imported(database_url, a_list(tmp_path, "CZ,5H71964,CZ,year,2026-05-01,2027-04-30", name="b.csv"), "--as-of", "5h")
    more = a_list(tmp_path, "CZ,1A23456,CZ,year,2026-05-01,2027-04-30", name="c.csv")
    run(vignettes.app, "update", more, "--as-of", "9m", DATABASE_URL=database_url)
    with psycopg.connect(database_url) as conn:
        conn.execute("update registry_snapshots set pruned_at = now() where id = 1")
    rows = [[row[0], row[1], *row[4:]] for row in told()]
    assert rows == [
        ["4", "CZ", "9", "min", "2", "in", "force", "–", str(more), "(update", "of", "3)"],
        ["3", "CZ", "5", "h", "1", "kept", "–", str(tmp_path / "b.csv")],
        ["1", "CZ", "3", "d", "1", "pruned", "–", str(a)],
        ["2", "SK", "3", "d", "1", "in", "force", "–", str(a)],
    ]
    assert [row[0] for row in told("--country", "sk")] == ["2"]
    assert [row[0] for row in told("--limit", "1")] == ["4"]


@pytest.fixture
def registry_url(database_url: str, tmp_path: Path) -> str:
    path = a_list(
        tmp_path,
        "CZ,1A23456,CZ,year,2026-05-01,2027-04-30",
        "CZ,5H71964,CZ,10-day,2026-05-01,2026-05-10",
        "CZ,G347KL,AT,exempt,2020-01-01,9999-12-31",
    )
    assert imported(database_url, path).status == 0
    return database_url


@pytest.mark.parametrize(
    ("plate", "at", "status", "out"),
    [
        (
            "1a2-3456",
            "2026-05-01T00:00+02:00",
            0,
            "1A23456: valid in CZ at 2026-05-01 00:00 CEST (year vignette valid until 2027-05-01 00:00)\n",
        ),
        (
            "1A23456",
            "2026-04-30T23:59:59+02:00",
            1,
            "1A23456: no vignette in CZ at 2026-04-30 23:59 CEST (not valid before 2026-05-01 00:00)\n",
        ),
        (
            "5H71964",
            "2026-05-11T00:00+02:00",
            1,
            "5H71964: no vignette in CZ at 2026-05-11 00:00 CEST (expired 2026-05-11 00:00)\n",
        ),
        ("G 347 KL", "2026-06-01T12:00Z", 0, "G347KL: exempt in CZ at 2026-06-01 14:00 CEST (the vehicle is exempt)\n"),
        ("9Z99999", "2026-06-01T12:00Z", 1, "9Z99999: no vignette in CZ at 2026-06-01 14:00 CEST\n"),
        (
            "IA23456",
            "2026-06-01T12:00Z",
            1,
            "IA23456: no vignette in CZ at 2026-06-01 14:00 CEST\nhint: 1A23456 looks alike and has a year vignette\n",
        ),
    ],
)
def test_check_says_what_the_registry_knows(registry_url: str, plate: str, at: str, status: int, out: str) -> None:
    ran = checked(registry_url, plate, "--country", "CZ", "--at", at)
    assert ran == Ran(status=status, out=out, err="", error=None)


def test_a_country_without_a_list_is_unknown_and_not_unpaid(registry_url: str) -> None:
    ran = checked(registry_url, "1A23456", "--country", "SK", "--at", "2026-06-01T12:00Z")
    assert ran.status == 1
    assert ran.out == "1A23456: unknown in SK at 2026-06-01 14:00 CEST (no vignette list for SK is loaded)\n"


def test_an_old_list_is_unknown_and_not_unpaid(database_url: str, tmp_path: Path) -> None:
    path = a_list(tmp_path, "CZ,1A23456,CZ,year,2026-05-01,2027-04-30")
    imported(database_url, path, "--as-of", "10d")
    ran = checked(database_url, "9Z99999", "--at", "2026-06-01T12:00Z")
    assert ran.out == "9Z99999: unknown in CZ at 2026-06-01 14:00 CEST (the list for CZ is 10 days old)\n"


def test_check_as_json_holds_the_vignette_and_the_registry(registry_url: str) -> None:
    ran = checked(registry_url, "1A23456", "--at", "2026-06-01T12:00Z", "--format", "json")
    told = json.loads(ran.out)
    assert told.pop("registry").keys() == {"id", "as_of"}
    assert told == {
        "plate": "1A23456",
        "country": "CZ",
        "at": "2026-06-01T12:00:00+00:00",
        "answer": "valid",
        "reason": "year vignette valid until 2027-05-01 00:00",
        "vignette": {
            "plate": "1A23456",
            "plate_country": "CZ",
            "kind": "year",
            "valid_from": "2026-04-30T22:00:00+00:00",
            "valid_to": "2027-04-30T22:00:00+00:00",
        },
        "look_alikes": [],
    }


def test_what_is_no_plate_country_or_time_is_told(registry_url: str) -> None:
    assert isinstance(checked(registry_url, "A-1").error, BadInput)
    for args in (("--country", "XX"), ("--at", "noon")):
        ran = checked(registry_url, "1A23456", *args)
        assert ran.status == 2
        assert args[1] in ran.err


def test_an_empty_database_is_told_how_to_become_one(running_servers: TestServers) -> None:
    with running_servers.fresh_database() as url:
        for ran in (checked(url, "1A23456"), listed(url)):
            assert isinstance(ran.error, BadConfig)
            assert str(ran.error).endswith("is not up to date: run `anpr db migrate`")


def test_a_database_that_is_away_is_unavailable() -> None:
    assert isinstance(listed("postgresql://anpr@127.0.0.1:1/anpr").error, Unavailable)


def test_events_are_found_by_plate_camera_time_and_verdict(database_url: str) -> None:
    first = an_event(database_url, plate="1A23456", camera="north", at=T0)
    second = an_event(database_url, plate="1A29999", camera="south", at=T0 + timedelta(hours=1), status=None)
    third = an_event(
        database_url, plate="5H71964", camera="south", at=T0 + timedelta(hours=2), status=VerdictStatus.SUSPECT
    )

    def found(*args: object) -> list[int]:
        return [json.loads(line)["id"] for line in listed(database_url, *args, "--format", "json").out.splitlines()]

    assert found() == [third, second, first]
    assert found("--plate", "1a2*") == [second, first]
    assert found("--plate", "1A2_456") == []
    assert found("--plate", "*71-9*") == [third]
    assert found("--camera", "south", "--limit", "1") == [third]
    assert found("--since", "2026-05-01T11:00:00Z") == [third, second]
    assert found("--until", "2026-05-01T13:00+02:00") == [first]
    assert found("--since", "1h") == []
    assert found("--verdict", "suspect") == [third]
    assert found("--plate", "1a2", "--match", "prefix") == [second, first]
    assert found("--plate", "IA2345?") == []
    assert found("--plate", "?A23456") == [first]
    assert found("--plate", "IA23456", "--match", "fuzzy") == [first]


def test_a_search_of_events_that_cannot_be_done_is_told_in_a_line_and_not_recorded(
    database: Database, database_url: str
) -> None:
    for words, why in (
        (("--plate", "1*"), "at least 2"),
        (("--plate", "1A2*", "--match", "fuzzy"), "wildcard"),
        (("--match", "exact"), "--plate"),
    ):
        error = listed(database_url, *words).error
        assert isinstance(error, BadInput)
        assert why in str(error)
    with database.transaction() as conn:
        assert conn.execute("select count(*) from plate_searches").fetchone() == (0,)


def test_a_search_of_events_by_plate_is_recorded_with_the_account(database: Database, database_url: str) -> None:
    listed(database_url, "--plate", "ia2 3456", "--match", "fuzzy")
    with database.transaction() as conn:
        rows = conn.execute("select who, command, plate from plate_searches").fetchall()
    assert rows == [(account(), "events", "IA23456")]


def test_events_as_json_and_csv_hold_the_same(database_url: str) -> None:
    event_id = an_event(database_url)
    told = json.loads(listed(database_url, "--format", "json").out)
    assert told == {
        "id": event_id,
        "camera": "north",
        "plate": "1A23456",
        "corrected_plate": None,
        "plate_country": "CZ",
        "plate_country_probability": 0.75,
        "confidence": 0.875,
        "reads": 1,
        "agreeing": 1,
        "first_seen": "2026-05-01T10:00:00+00:00",
        "last_seen": "2026-05-01T10:00:00+00:00",
        "toll_country": "CZ",
        "state": "closed",
        "verdict": "VALID",
        "reason": "because",
        "picture": None,
        "candidates": [{"text": "1A23456", "confidence": 0.875}, {"text": "XA23456", "confidence": 0.0625}],
        "regions": [{"country": "CZ", "probability": 0.75}, {"country": "", "probability": 0.25}],
    }
    del told["candidates"], told["regions"]
    rows = list(csv.DictReader(listed(database_url, "--format", "csv").out.splitlines()))
    assert rows == [{name: "" if value is None else str(value) for name, value in told.items()}]


def test_csv_of_no_event_is_its_header_and_json_is_nothing(database_url: str) -> None:
    assert listed(database_url, "--format", "csv").out == ",".join(EVENT_COLUMNS) + "\n"
    assert listed(database_url, "--format", "json").out == ""


def test_the_table_of_events_names_plate_and_verdict(database_url: str) -> None:
    an_event(database_url, status=VerdictStatus.SUSPECT)
    told = listed(database_url).out
    assert "1A23456" in told
    assert "1 plate event" in told


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_a_reader_that_goes_away_leaves_no_traceback(database_url: str, output: str) -> None:
    for second in range(3):
        an_event(database_url, at=T0 + timedelta(seconds=second))
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = subprocess.run(
        [sys.executable, "-m", "cli.main", "events", "--format", output],
        stdout=write_end,
        stderr=subprocess.PIPE,
        check=False,
        env=os.environ | {"DATABASE_URL": database_url},
        text=True,
    )
    os.close(write_end)
    assert process.stderr == ""


def test_a_terminal_shows_how_far_an_import_is() -> None:
    shown = io.StringIO()
    with list_progress(Console(file=shown, force_terminal=True, width=100)) as heard:
        heard(Step(phase="checking", rows=250, share=0.25))
        heard(Step(phase="storing", rows=400, total=1000, share=0.4))
    assert "storing" in shown.getvalue()
    assert "400/1000 vignettes" in shown.getvalue()
    with list_progress(Console(file=(piped := io.StringIO()))) as heard:
        heard(Step(phase="storing", rows=400, total=1000, share=0.4))
    assert piped.getvalue() == ""
