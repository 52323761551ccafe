"""Snapshots of the vignette registry: which one is in force, and what updates make of it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from anpr import signatures
from anpr.errors import BadRegistry
from storage import vignettes
from storage.db import Conn, Database
from storage.list_files import Step, Terms
from storage.vignette_files import import_file, update_file

T0 = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
HEADER = "plate,kind,valid_from,valid_to,change\n"
TERMS = Terms()


def a_list(
    directory: Path, *lines: str, as_of: datetime = T0, header: str = "plate,kind,valid_from,valid_to\n"
) -> Path:
    path = directory / "list.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    os.utime(path, (as_of.timestamp(), as_of.timestamp()))
    return path


def an_update(directory: Path, *lines: str, hours: int = 1) -> Path:
    return a_list(directory, *lines, as_of=T0 + timedelta(hours=hours), header=HEADER)


def known(database: Database, *plates: str, snapshot_id: int | None = None) -> list[str]:
    """Plate, kind and end of what the snapshot, by default the one in force, holds of the plates."""
    with database.transaction() as conn:
        snapshot = vignettes.in_force(conn, "CZ")
        assert snapshot is not None
        found = vignettes.candidates(conn, snapshot_id or snapshot.id, plates)
    return [f"{one.plate} {one.kind} {one.valid_to:%m-%d}" for one in found]


def test_an_older_list_imported_later_does_not_come_into_force(database: Database, tmp_path: Path) -> None:
    import_file(database, a_list(tmp_path, "1A1,year,2026-05-01,2026-05-30"), "CZ", None, TERMS)
    older = a_list(tmp_path, "2B2,year,2026-05-01,2026-05-30", as_of=T0 - timedelta(hours=1))
    told = f"imported 1 vignette for CZ as of 2026-05-01 09:00 UTC from {older}"
    later = "; NOT in force: the list as of 2026-05-01 10:00 UTC is newer and stays"
    assert import_file(database, older, "CZ", None, TERMS) == [told + later]
    assert known(database, "1A1", "2B2") == ["1A1 year 05-30"]


def test_a_list_with_fewer_entries_than_promised_is_refused(database: Database, tmp_path: Path) -> None:
    path = a_list(tmp_path, "1A1,year,2026-05-01,2026-05-30")
    with pytest.raises(BadRegistry, match="holds 1 entries, not 2 as --rows says"):
        import_file(database, path, "CZ", None, Terms(count=2))
    with database.transaction() as conn:
        assert vignettes.in_force(conn, "CZ") is None
    assert len(import_file(database, path, "CZ", None, Terms(count=1))) == 1


def test_an_import_tells_of_every_row_it_checks_and_stores(database: Database, tmp_path: Path) -> None:
    lines = [f"{('CZ', 'SK')[n % 3 == 0]},{n:06},year,2026-05-01,2026-05-30" for n in range(4500)]
    path = a_list(tmp_path, *lines, header="toll_country,plate,kind,valid_from,valid_to\n")
    told: list[Step] = []
    import_file(database, path, None, None, TERMS, progress=told.append)
    checking = list(takewhile(lambda one: one.phase == "checking", told))
    storing = told[len(checking) :]
    at = [(one.rows, one.share, one.total) for one in checking]
    assert at == sorted(at)
    assert (at[0], at[-1]) == ((0, 0, None), (4500, 1, None))
    assert len(at) > 10
    assert [(one.phase, one.rows) for one in storing] == [
        *(("storing", rows) for rows in (0, 1000, 2000, 3000, 3000, 3000, 4000)),
        *(("finishing", 4500),) * 2,
    ]
    assert [(one.total, one.share) for one in storing] == [(4500, one.rows / 4500) for one in storing]


@pytest.mark.parametrize("phase", ["checking", "storing", "finishing"])
def test_who_hears_of_the_progress_can_end_the_import(database: Database, tmp_path: Path, phase: str) -> None:
    import_file(database, a_list(tmp_path, "1A1,year,2026-05-01,2026-05-30"), "CZ", None, TERMS)

    def heard(step: Step) -> None:
        if step.phase == phase:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(database, a_list(tmp_path, "2B2,year,2026-05-01,2026-05-30"), "CZ", None, TERMS, progress=heard)
    assert known(database, "1A1", "2B2") == ["1A1 year 05-30"]


def test_json_lists_are_imported_by_country(database: Database, tmp_path: Path) -> None:
    entry = {"plate": "1A1", "kind": "year", "valid_from": "2026-05-01", "valid_to": "2026-05-30"}
    path = tmp_path / "list.json"
    path.write_text(json.dumps([entry | {"toll_country": "SK"}, entry, entry | {"plate": "2B2"}]), encoding="utf-8")
    told = import_file(database, path, "CZ", T0, TERMS)
    assert [line[:27] for line in told] == ["imported 2 vignettes for CZ", "imported 1 vignette for SK "]
    assert known(database, "1A1", "2B2") == ["1A1 year 05-30", "2B2 year 05-30"]


def test_an_update_adds_corrects_and_withdraws_and_the_past_stays_known(database: Database, tmp_path: Path) -> None:
    lines = [f"{plate},year,2026-05-01,2026-05-30" for plate in ("1A1", "2B2", "3C3", "4D4")]
    import_file(database, a_list(tmp_path, *lines), "CZ", None, TERMS)
    with database.transaction() as conn:
        first = vignettes.in_force(conn, "CZ")
    assert first is not None
    path = an_update(
        tmp_path,
        "1A1,year,2026-05-01,2026-06-15,put",
        "2B2,year,2026-05-01,2026-05-30,withdraw",
        "3C3,year,2026-05-01,2026-05-30,",
        "5E5,1-day,2026-05-02,2026-05-02,",
    )
    told = f"updated CZ: 2 added or changed, 2 withdrawn or replaced, as of 2026-05-01 11:00 UTC from {path}"
    assert update_file(database, path, "CZ", None, TERMS) == [told]
    plates = ("1A1", "2B2", "3C3", "4D4", "5E5")
    now = ["1A1 year 06-15", "3C3 year 05-30", "4D4 year 05-30", "5E5 1-day 05-02"]
    assert known(database, *plates) == now
    update_file(database, an_update(tmp_path, "5E5,1-day,2026-05-02,2026-05-02,withdraw", hours=2), "CZ", None, TERMS)
    assert known(database, *plates) == now[:3]
    was = ["1A1 year 05-30", "2B2 year 05-30", "3C3 year 05-30", "4D4 year 05-30"]
    assert known(database, *plates, snapshot_id=first.id) == was
    with database.transaction() as conn:
        counts = conn.execute("select vignettes, length(sha256) from registry_snapshots order by id").fetchall()
        before = conn.execute("select imported_at - interval '1 ms' from registry_snapshots order by id").fetchall()
        at = [vignettes.in_force(conn, "CZ", known_at=one[0]) for one in before]
    assert counts == [(4, 64), (4, 64), (3, 64)]
    assert [one and one.as_of for one in at] == [None, T0, T0 + timedelta(hours=1)]


@pytest.mark.parametrize(
    ("line", "hours", "told"),
    [
        ("9Z9,year,2026-05-01,2026-05-30,withdraw", 1, r"line \(entry\) 2 withdraws a vignette that is not there"),
        ("1A1,year,2026-05-01,2026-05-30,put", -1, "list for CZ in force is later"),
        ("1A1,year,2026-05-01,2026-05-30,drop", 1, 'line 2: change "drop" is neither put nor withdraw'),
        ("1A1,year,2026-05-01,2026-05-01,\n1A1,year,2026-05-01,2026-05-02,", 1, "2 and 3 change the same vignette"),
    ],
)
def test_an_update_that_does_not_fit_changes_nothing(
    database: Database, tmp_path: Path, line: str, hours: int, told: str
) -> None:
    import_file(database, a_list(tmp_path, "1A1,year,2026-05-01,2026-05-29"), "CZ", None, TERMS)
    with pytest.raises(BadRegistry, match=told):
        update_file(database, an_update(tmp_path, line, hours=hours), "CZ", None, TERMS)
    assert known(database, "1A1") == ["1A1 year 05-29"]


def test_there_must_be_a_list_to_update(database: Database, tmp_path: Path) -> None:
    with pytest.raises(BadRegistry, match="no list for CZ to update: `anpr vignettes import` one first"):
        update_file(database, an_update(tmp_path, "1A1,year,2026-05-01,2026-05-30,"), "CZ", None, TERMS)


OURS, OTHER = signatures.new_key(), signatures.new_key()
SIGNED = Terms(
    public_keys={"CZ": [signatures.public_text(OTHER.public_key()), signatures.public_text(OURS.public_key())]}
)
A_LINE = "1A1,year,2026-05-01,2026-05-30"


def sign(path: Path, key: Ed25519PrivateKey = OURS, *, name: str = "list.csv.sig") -> Path:
    signature = path.with_name(name)
    signature.write_bytes(key.sign(path.read_bytes()))
    return signature


def test_a_signed_list_comes_in_and_tells_by_whom(database: Database, tmp_path: Path) -> None:
    path = a_list(tmp_path, A_LINE)
    sign(path)
    fingerprint = signatures.fingerprint(OURS.public_key())
    assert import_file(database, path, "CZ", None, SIGNED)[0].endswith(f", signed by {fingerprint[:16]}…")
    update = an_update(tmp_path, "2B2,year,2026-05-01,2026-05-30,put")
    aside = sign(update, name="elsewhere")
    told = update_file(database, update, "CZ", None, replace(SIGNED, signature=aside))
    assert told[0].endswith(f", signed by {fingerprint[:16]}…")
    with database.transaction() as conn:
        assert conn.execute("select signed_by from registry_snapshots").fetchall() == [(fingerprint,)] * 2


@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("unsigned", r"is not signed: there is no .*list.csv.sig, and lists for CZ need one \(registry.public_keys\)$"),
        ("tampered", r"its signature is not one of this file by the key for CZ, \w{16}… or \w{16}…$"),
        ("wrong key", "its signature is not one of this file"),
        ("of another list", "its signature is not one of this file"),
        ("truncated", "list.csv.sig: is no Ed25519 signature"),
        ("empty", "list.csv.sig: is no Ed25519 signature"),
        ("the list itself", "list.csv: is no Ed25519 signature"),
        ("not there", "nowhere: No such file or directory"),
    ],
)
def test_a_list_without_a_right_signature_changes_nothing(
    database: Database, tmp_path: Path, case: str, told: str, changes: bool
) -> None:
    import_file(database, a_list(tmp_path, A_LINE), "CZ", None, TERMS)
    put = update_file if changes else import_file
    path = a_list(tmp_path, "1A1,year,2026-05-01,2026-05-29", as_of=T0 + timedelta(hours=1))
    terms = SIGNED
    match case:
        case "tampered":
            sign(path)
            path.write_text(path.read_text().replace("05-29", "05-28"))
        case "wrong key":
            sign(path, signatures.new_key())
        case "of another list":
            path.with_name("list.csv.sig").write_bytes(OURS.sign(b"plate,kind,valid_from,valid_to\n"))
        case "truncated" | "empty":
            whole = sign(path)
            whole.write_bytes(whole.read_bytes()[: 63 if case == "truncated" else 0])
        case "the list itself":
            terms = replace(SIGNED, signature=path)
        case "not there":
            terms = replace(SIGNED, signature=tmp_path / "nowhere")
        case _:
            pass
    with pytest.raises(BadRegistry, match=told):
        put(database, path, "CZ", None, terms)
    assert known(database, "1A1") == ["1A1 year 05-30"]


def test_each_country_of_a_list_must_have_been_signed_by_its_key(database: Database, tmp_path: Path) -> None:
    header = "toll_country,plate,kind,valid_from,valid_to\n"
    path = a_list(tmp_path, f"CZ,{A_LINE}", f"SK,{A_LINE}", header=header)
    sign(path)
    strange = {"SK": [signatures.public_text(signatures.new_key().public_key())]}
    with pytest.raises(BadRegistry, match="not one of this file by the key for SK"):
        import_file(database, path, None, None, replace(SIGNED, public_keys={**SIGNED.public_keys, **strange}))
    with pytest.raises(BadRegistry, match=r"no key to check its signature for SK with: set registry\.public_keys\.SK"):
        import_file(database, path, None, None, replace(SIGNED, signature=path.with_name("list.csv.sig")))
    assert len(import_file(database, path, None, None, SIGNED)) == 2
    with database.transaction() as conn:
        rows = conn.execute("select toll_country, signed_by is not null from registry_snapshots order by 1").fetchall()
    assert rows == [("CZ", True), ("SK", False)]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_file_that_changes_while_it_is_read_is_refused(database: Database, tmp_path: Path, form: str) -> None:
    path = a_list(tmp_path, A_LINE)
    if form == "json":
        entry = {"plate": "1A1", "kind": "year", "valid_from": "2026-05-01", "valid_to": "2026-05-30"}
        path.write_text(json.dumps([entry]), encoding="utf-8")
    sign(path)

    class Meddled(Database):
        """Changes the file between the look through it and its import."""

        @contextmanager
        def transaction(self) -> Iterator[Conn]:
            path.write_text(path.read_text().replace("1A1", "1B1"))
            with database.transaction() as conn:
                yield conn

    with pytest.raises(BadRegistry, match="changed while it was read"):
        import_file(Meddled("postgresql://nowhere"), path, "CZ", None, SIGNED)
    with database.transaction() as conn:
        assert vignettes.in_force(conn, "CZ") is None


def test_a_list_that_shrinks_too_much_is_refused_unless_one_says_so(database: Database, tmp_path: Path) -> None:
    def lines(count: int) -> list[str]:
        return [f"{number}A1,year,2026-05-01,2026-05-30" for number in range(count)]

    terms = Terms(max_shrink=0.1)
    import_file(database, a_list(tmp_path, *lines(20)), "CZ", None, terms)
    import_file(database, a_list(tmp_path, *lines(18), as_of=T0 + timedelta(hours=1)), "CZ", None, terms)
    short = a_list(tmp_path, *lines(16), as_of=T0 + timedelta(hours=2))
    told = (
        "leaves 16 vignettes for CZ where 18 are in force, 11% fewer; more than 10% looks like a list that was cut off"
    )
    with pytest.raises(BadRegistry, match=told):
        import_file(database, short, "CZ", None, terms)
    with pytest.raises(BadRegistry, match="leaves 16 vignettes for CZ where 18 are in force"):
        update_file(database, an_update(tmp_path, *(f"{one},withdraw" for one in lines(2)), hours=2), "CZ", None, terms)
    older = a_list(tmp_path, *lines(1), as_of=T0)
    assert "NOT in force" in import_file(database, older, "CZ", None, terms)[0]
    with database.transaction() as conn:
        assert vignettes.size_in_force(conn, "CZ") == 18
    short = a_list(tmp_path, *lines(16), as_of=T0 + timedelta(hours=2))
    assert len(import_file(database, short, "CZ", None, replace(terms, max_shrink=1.0))) == 1
    with database.transaction() as conn:
        assert vignettes.size_in_force(conn, "CZ") == 16
