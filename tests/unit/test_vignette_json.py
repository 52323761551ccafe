import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from anpr.errors import BadRegistry
from anpr.vignette_json import json_objects
from anpr.vignette_lists import VignetteRow, form_of, rows

ENTRY = {
    "toll_country": "CZ",
    "plate": "1A2 3456",
    "kind": "year",
    "valid_from": "2026-05-01",
    "valid_to": "2026-05-31",
    "source": None,
}
ROW = VignetteRow(
    toll_country="CZ",
    plate="1A23456",
    plate_country="",
    kind="year",
    valid_from=datetime(2026, 4, 30, 22, tzinfo=UTC),
    valid_to=datetime(2026, 5, 31, 22, tzinfo=UTC),
)


def parsed(text: str, *, piece: int = 7, changes: bool = False) -> list[VignetteRow]:
    pieces = [text[at : at + piece] for at in range(0, len(text), piece)]
    return list(rows(pieces, where="list.json", form=form_of(text), changes=changes))


def wrong(text: str) -> str:
    with pytest.raises(BadRegistry) as caught:
        parsed(text)
    return str(caught.value)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
@pytest.mark.parametrize("lines", [True, False])
def test_an_array_and_lines_of_objects_hold_the_same_in_pieces_of_any_length(lines: bool, piece: int) -> None:
    entries = [ENTRY, ENTRY | {"plate_country": "cz"}]
    text = "".join(f"{json.dumps(one)}\n" for one in entries) if lines else json.dumps(entries, indent=1)
    got = parsed(text, piece=piece)
    assert [one.plate_country for one in got] == ["", "CZ"]
    assert [one.number for one in got] == [1, 2]
    assert got[0] == ROW


def test_wrong_entries_are_told_by_number() -> None:
    bad = [ENTRY, ENTRY | {"colour": "red"}, ENTRY | {"plate": 7}, {"plate": "A1"}, ENTRY | {"valid_to": "soon"}]
    told = wrong(json.dumps(bad))
    assert told.startswith("list.json: 4 entries are wrong: entry 2: unknown name colour; known are toll_country,")
    assert "; entry 3: plate must be text in quotes; " in told
    assert "; entry 4: no toll_country, kind, valid_from, valid_to; " in told
    assert '; entry 5: valid_to "soon" is neither a date' in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (json.dumps([ENTRY, ENTRY])[:-1], "the array does not end after entry 2"),
        (json.dumps([ENTRY, ENTRY])[:-9], "entry 2 is not JSON, or cut off"),
        (json.dumps(ENTRY)[:-9], "entry 1 is not JSON, or cut off"),
        (json.dumps([ENTRY]) + "x", "does not end the file"),
        ("[1]", "entry 1 is no object"),
        ("[{} {}]", "a comma is missing after entry 1"),
        ("[]", "holds no vignette"),
        ("[,{}]", "entry 1 is not JSON"),
    ],
)
def test_json_that_is_cut_off_or_no_list_is_refused(text: str, told: str) -> None:
    assert told in wrong(text)


def test_what_is_neither_object_nor_array_is_csv() -> None:
    assert [form_of(text) for text in ("\ufeff [", '{"plate"', "plate;kind", "")] == ["json", "json", "csv", "csv"]


def test_an_object_that_never_ends_is_given_up() -> None:
    pieces = iter(lambda: "x" * 100_000, "")
    with pytest.raises(BadRegistry, match="entry 1 is not JSON"):
        list(json_objects(_chain('{"plate": "', pieces), where="list.json"))


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def test_only_an_update_withdraws() -> None:
    gone = ENTRY | {"change": "withdraw"}
    assert [one.is_withdrawn for one in parsed(json.dumps([gone, ENTRY]), changes=True)] == [True, False]
    assert "unknown name change" in wrong(json.dumps([gone]))
