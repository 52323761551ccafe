"""`anpr watch`: lists are kept, imported as a whole or not at all, explained, and recorded like searches."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import Ran, run

from anpr.errors import BadWatchList
from cli import watch
from storage.db import Database


@pytest.fixture
def command(database_url: str) -> Any:
    def ran(*words: object) -> Ran:
        return run(watch.app, *words, DATABASE_URL=database_url)

    return ran


def listed(command: Any, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command("list", "--format", "json", *words).out.splitlines()]


def test_a_plate_is_waited_for_until_it_is_removed(command: Any, database: Database) -> None:
    words = ("--list", "stolen", "--note", "red van", "--as", "officer 7", "--reason", "case 12")
    assert command("add", "1a2-3456", "MKT 4173", *words).out == "stolen: waits for 2 plates, look-alike\n"
    assert command("add", "1A23456", "--list", "stolen", "--tolerance", "exact").status == 0
    first, second = listed(command)
    assert (first["plate"], first["tolerance"], first["note"]) == ("1A23456", "exact", "")
    assert (second["plate"], second["tolerance"], second["note"]) == ("MKT4173", "look-alike", "red van")
    assert second["added_by"] == "officer 7"
    with database.transaction() as conn:
        told = conn.execute("select who, command, plate, reason from plate_searches order by id").fetchall()
    assert told[:2] == [
        ("officer 7", "watch add", "1A23456", "case 12"),
        ("officer 7", "watch add", "MKT4173", "case 12"),
    ]
    assert command("remove", "--list", "stolen", "1A2 3456").out == "stolen: 1 plate removed\n"
    assert command("remove", "--list", "stolen").status == 2
    assert command("remove", "--list", "stolen", "--all").out == "stolen: 1 plate removed\n"
    assert listed(command) == []


def test_a_csv_file_is_imported_as_a_whole_or_not_at_all(command: Any, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("plate,until\n1A23456,2099-01-01\nMKT4173,\n")
    words = ("--list", "own", "--tolerance", "exact")
    assert command("import", file, *words).out == f"own: waits for 2 plates of {file}\n"
    assert listed(command, "--list", "own")[0]["until"] == "2099-01-02T00:00:00+00:00"
    csv = command("list", "--format", "csv").out
    assert csv == "plate,tolerance,note,until\n1A23456,exact,,2099-01-02T00:00:00+00:00\nMKT4173,exact,,\n"
    file.write_text("plate\n5H71964\n\n?\n")
    refused = command("import", file, *words)
    assert isinstance(refused.error, BadWatchList)
    assert str(refused.error).startswith(f"{file}: 1 line is wrong: line 4: '?' is no plate")
    assert len(listed(command)) == 2
    file.write_text(csv + "5H71964,,,\n")
    assert command("import", file, *words, "--replace").out == f"own: waits for 3 plates of {file}; 0 removed\n"
    file.write_text("plate\n5H71964\n")
    assert command("import", file, *words, "--replace").out == f"own: waits for 1 plate of {file}; 2 removed\n"
    assert isinstance(command("import", tmp_path / "none.csv", *words).error, BadWatchList)


def test_what_a_tolerance_takes_for_a_plate_is_shown_before_anybody_waits_for_it(command: Any) -> None:
    exact = command("explain", "1a2-3456", "--tolerance", "exact")
    assert exact.out == "exact (1): 1A23456\n1 plate in all\n"
    lines = command("explain", "1A23456", "--tolerance", "two").out.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["exact", "look-alike", "slip", "two", lines[-1].split(" ")[0]]
    assert "IA23456" in lines[1].split()
    assert "A23456" in lines[2].split()
    assert command("explain", "?").status == 2
