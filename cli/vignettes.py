"""`anpr vignettes`: the lists of paid vignettes."""

import hashlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from anpr import vignette_lists
from anpr.errors import BadRegistry
from cli.options import TIME_HELP, TollCountry, migrated_database, moment
from cli.settings import ConfigOption
from storage import vignettes
from storage.db import Database

app = typer.Typer(help="The lists of paid vignettes.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The lists of paid vignettes."""


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="the list, UTF-8, comma or semicolon separated")],
    country: TollCountry = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            parser=moment,
            metavar="TIME",
            help=f"when the list was true, {TIME_HELP} [default: when the file was last changed]",
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Make a list the registry of its toll countries.

    The first line names the columns `toll_country,plate,plate_country,kind,valid_from,valid_to`, in any order.
    `plate_country` may be left out; `toll_country` too where **--country** says it; `vehicle_category`, `bought_at` and
    `source` may be added. Dates hold for the whole day in the toll country, `valid_to` included; times need a zone.
    `kind` is free text, `exempt` is an exemption.

    All or nothing: a list with a wrong line changes nothing, and the one before it stays in force.
    """
    with migrated_database(config) as database:
        for line in import_file(database, file, country, as_of):
            print(line)


def import_file(database: Database, path: Path, country: str | None, as_of: datetime | None) -> list[str]:
    """Make a CSV file the registry of its toll countries; returns a line on each for people to read.

    `country` fills a missing column or field toll_country; `as_of` is by default the file's time of change.
    Raises BadRegistry where the file or a line of it is wrong, then nothing is changed.
    """
    try:
        changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with path.open("rb") as binary:
            sha256 = hashlib.file_digest(binary, "sha256").hexdigest()
        with path.open(encoding="utf-8", newline="") as lines:
            counts = Counter(row.toll_country for row in vignette_lists.rows(lines, where=str(path), country=country))
            now = datetime.now(UTC)
            if as_of is not None and as_of > now:
                raise BadRegistry(f"{path}: as of {as_of:%Y-%m-%d %H:%M} UTC lies in the future")
            # A clock ahead of ours must not make a list count as fresh for longer.
            known_at = min(as_of or changed_at, now)
            with database.transaction() as conn:
                for one in sorted(counts):
                    lines.seek(0)
                    rows = vignette_lists.rows(lines, where=str(path), country=country, only=one)
                    vignettes.import_snapshot(conn, one, rows, source=str(path), sha256=sha256, as_of=known_at)
    except OSError as exc:
        raise BadRegistry(f"{path}: {exc.strerror or exc}") from exc
    return [
        f"imported {count} vignette{'s' if count > 1 else ''} for {one} as of {known_at:%Y-%m-%d %H:%M} UTC from {path}"
        for one, count in sorted(counts.items())
    ]
