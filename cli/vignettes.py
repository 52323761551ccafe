"""`anpr vignettes`: the lists of paid vignettes."""

import hashlib
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer

from anpr import vignette_lists
from anpr.errors import BadRegistry
from anpr.vignette_lists import VignetteRow
from cli.options import TIME_HELP, TollCountry, migrated_database, moment
from cli.settings import ConfigOption
from storage import vignettes
from storage.db import Conn, Database

PIECE = 1 << 16  # characters of JSON at a time

app = typer.Typer(help="The lists of paid vignettes.", no_args_is_help=True)

ListFile = Annotated[Path, typer.Argument(metavar="FILE", help="the list, UTF-8: CSV with commas or semicolons, JSON")]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        parser=moment,
        metavar="TIME",
        help=f"when the list was true, {TIME_HELP} [default: when the file was last changed]",
    ),
]
RowCount = Annotated[
    int | None, typer.Option("--rows", min=1, metavar="N", help="how many entries it must hold, else it is refused")
]


@app.callback()
def _group() -> None:
    """The lists of paid vignettes."""


@app.command("import")
def import_command(
    file: ListFile,
    country: TollCountry = None,
    as_of: AsOf = None,
    count: RowCount = None,
    config: ConfigOption = None,
) -> None:
    """Make a list the registry of its toll countries.

    The first line names the columns `toll_country,plate,plate_country,kind,valid_from,valid_to`, in any order.
    `plate_country` may be left out; `toll_country` too where **--country** says it; `vehicle_category`, `bought_at` and
    `source` may be added. Dates hold for the whole day in the toll country, `valid_to` included; times need a zone.
    `kind` is free text, `exempt` is an exemption. JSON is an array of objects with these names, or an object a line.

    All or nothing: a list with a wrong line changes nothing, and the one before it stays in force. So does a list
    that was true at a later time (**--as-of**) than this one.
    """
    with migrated_database(config) as database:
        for line in import_file(database, file, country, as_of, count=count):
            print(line)


@app.command("update")
def update_command(
    file: ListFile,
    country: TollCountry = None,
    as_of: AsOf = None,
    count: RowCount = None,
    config: ConfigOption = None,
) -> None:
    """Change single vignettes of the list in force.

    The file has the columns of `import`, and may have `change`: `put` (or nothing) adds a vignette or corrects it,
    `withdraw` takes it back. Plate, its country, kind and `valid_from` tell which one is meant.

    All or nothing, as with `import`. What was known before is kept.
    """
    with migrated_database(config) as database:
        for line in update_file(database, file, country, as_of, count=count):
            print(line)


def import_file(
    database: Database, path: Path, country: str | None, as_of: datetime | None, *, count: int | None = None
) -> list[str]:
    """Make a file the registry of its toll countries; returns a line on each for people to read.

    `country` fills a missing column or field toll_country; `as_of` is by default the file's time of change; `count`
    is how many vignettes it must hold. Raises BadRegistry where the file or a line of it is wrong, then nothing is
    changed.
    """
    told: list[str] = []
    with _opened(path, country, as_of, count=count, changes=False) as file, database.transaction() as conn:
        for one, found in file.counts.items():
            snapshot_id = vignettes.import_snapshot(
                conn, one, file.rows(only=one), source=str(path), sha256=file.sha256, as_of=file.as_of
            )
            what = f"imported {found} vignette{'s' if found > 1 else ''} for {one}"
            told.append(f"{what} as of {file.as_of:%Y-%m-%d %H:%M} UTC from {path}{_later(conn, one, snapshot_id)}")
        _publish(conn, file.counts)
    return told


def update_file(
    database: Database, path: Path, country: str | None, as_of: datetime | None, *, count: int | None = None
) -> list[str]:
    """Put the changes that a file holds on top of the lists in force; arguments, lines and errors of `import_file`."""
    told: list[str] = []
    with _opened(path, country, as_of, count=count, changes=True) as file, database.transaction() as conn:
        for one in file.counts:
            done = vignettes.update_snapshot(
                conn, one, file.rows(only=one), source=str(path), sha256=file.sha256, as_of=file.as_of
            )
            what = f"updated {one}: {done.brought} added or changed, {done.gone} withdrawn or replaced"
            told.append(f"{what}, as of {file.as_of:%Y-%m-%d %H:%M} UTC from {path}")
        _publish(conn, file.counts)
    return told


def _publish(conn: Conn, countries: Counter[str]) -> None:
    for one in countries:
        vignettes.publish(conn, one)


def _later(conn: Conn, country: str, snapshot_id: int) -> str:
    """What to say of a snapshot that did not come into force."""
    now = vignettes.in_force(conn, country)
    if now is None or now.id == snapshot_id:
        return ""
    return f"; NOT in force: the list as of {now.as_of:%Y-%m-%d %H:%M} UTC is newer and stays"


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListFile:
    """An open list whose entries were all checked."""

    path: Path
    text: TextIO
    form: vignette_lists.Form
    country: str | None
    changes: bool
    sha256: str
    as_of: datetime
    counts: Counter[str]  # entries by toll country, in order

    def rows(self, *, only: str | None = None) -> Iterator[VignetteRow]:
        return _rows(self.text, self.path, self.form, country=self.country, only=only, changes=self.changes)


@contextmanager
def _opened(
    path: Path, country: str | None, as_of: datetime | None, *, count: int | None, changes: bool
) -> Generator[_ListFile]:
    try:
        changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with path.open("rb") as binary:
            sha256 = hashlib.file_digest(binary, "sha256").hexdigest()
        with path.open(encoding="utf-8", newline="") as text:
            form = _form(text)
            rows = _rows(text, path, form, country=country, only=None, changes=changes)
            counts = Counter(row.toll_country for row in rows)
            if count is not None and counts.total() != count:
                raise BadRegistry(f"{path}: holds {counts.total()} entries, not {count} as --rows says")
            now = datetime.now(UTC)
            if as_of is not None and as_of > now:
                raise BadRegistry(f"{path}: as of {as_of:%Y-%m-%d %H:%M} UTC lies in the future")
            yield _ListFile(
                path=path,
                text=text,
                form=form,
                country=country,
                changes=changes,
                sha256=sha256,
                as_of=min(as_of or changed_at, now),  # a clock ahead of ours must not make a list fresh for longer
                counts=Counter(dict(sorted(counts.items()))),
            )
    except OSError as exc:
        raise BadRegistry(f"{path}: {exc.strerror or exc}") from exc


def _form(text: TextIO) -> vignette_lists.Form:
    try:
        return vignette_lists.form_of(text.read(PIECE))
    except UnicodeDecodeError:
        return "csv"  # which tells of it


def _rows(
    text: TextIO, path: Path, form: vignette_lists.Form, *, country: str | None, only: str | None, changes: bool
) -> Iterator[VignetteRow]:
    text.seek(0)
    pieces = iter(lambda: text.read(PIECE), "") if form == "json" else text
    return vignette_lists.rows(pieces, where=str(path), country=country, only=only, form=form, changes=changes)
