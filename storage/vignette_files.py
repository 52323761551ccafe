"""Files of vignettes → snapshots, all or nothing."""

import time
from datetime import datetime
from pathlib import Path

from anpr.errors import BadRegistry
from storage import vignettes
from storage.db import Conn, Database
from storage.list_files import ListFile, Progress, Step, Terms, looked_through, minute, unheard

TURN_S = 0.25  # between two looks whether another import of the same registry has ended


def import_file(
    database: Database,
    path: Path,
    country: str | None,
    as_of: datetime | None,
    terms: Terms,
    *,
    progress: Progress = unheard,
) -> list[str]:
    """Make a file the registry of its toll countries; returns a line on each for people to read.

    `country` fills a missing column or field toll_country; `as_of` is by default the file's time of change. Raises
    BadRegistry where the file or a line of it is wrong, or it does not meet the terms; then nothing is changed, nor
    where `progress` raises, which is told many times a second, and last when the list comes into force.
    """
    return _put(database, path, country, as_of, terms, progress=progress, changes=False)


def update_file(
    database: Database,
    path: Path,
    country: str | None,
    as_of: datetime | None,
    terms: Terms,
    *,
    progress: Progress = unheard,
) -> list[str]:
    """Put the changes that a file holds on top of the lists in force; arguments, lines and errors of `import_file`."""
    return _put(database, path, country, as_of, terms, progress=progress, changes=True)


def _put(
    database: Database,
    path: Path,
    country: str | None,
    as_of: datetime | None,
    terms: Terms,
    *,
    progress: Progress,
    changes: bool,
) -> list[str]:
    try:
        file = looked_through(path, country, as_of, terms, progress=progress, changes=changes)
        while True:
            with database.transaction() as conn:
                if all(vignettes.try_lock(conn, one) for one in file.counts):
                    return _stored(conn, file, terms, progress)
            progress(Step(phase="waiting", rows=0, share=0))
            time.sleep(TURN_S)  # without a connection: a few that wait would leave none to anybody else
    except OSError as exc:
        raise BadRegistry(f"{path}: {exc.strerror or exc}") from exc


def _stored(conn: Conn, file: ListFile, terms: Terms, progress: Progress) -> list[str]:
    told: list[str] = []
    put = _update if file.changes else _import
    for one in file.counts:
        before = vignettes.size_in_force(conn, one)
        told.append(put(conn, file, one, progress))
        _refuse_shrunk(file.path, one, before, vignettes.size_in_force(conn, one), terms)
    for one in file.counts:
        vignettes.publish(conn, one)
    progress(file.step(file.counts.total()))
    return told


def _import(conn: Conn, file: ListFile, country: str, progress: Progress) -> str:
    snapshot_id = vignettes.import_snapshot(conn, country, file.rows(progress, only=country), file.origin(country))
    count = file.counts[country]
    what = f"imported {count} vignette{'s' if count > 1 else ''} for {country} as of {minute(file.as_of)}"
    return f"{what} from {file.source}{_signed(file, country)}{_later(conn, country, snapshot_id)}"


def _update(conn: Conn, file: ListFile, country: str, progress: Progress) -> str:
    done = vignettes.update_snapshot(conn, country, file.rows(progress, only=country), file.origin(country))
    what = f"updated {country}: {done.brought} added or changed, {done.gone} withdrawn or replaced"
    return f"{what}, as of {minute(file.as_of)} from {file.source}{_signed(file, country)}"


def _signed(file: ListFile, country: str) -> str:
    return f", signed by {file.signed_by[country][:16]}…" if country in file.signed_by else ""


def _later(conn: Conn, country: str, snapshot_id: int) -> str:
    """What to say of a snapshot that did not come into force."""
    now = vignettes.in_force(conn, country)
    if now is None or now.id == snapshot_id:
        return ""
    return f"; NOT in force: the list as of {minute(now.as_of)} is newer and stays"


def _refuse_shrunk(path: Path, country: str, before: int, now: int, terms: Terms) -> None:
    if now < before * (1 - terms.max_shrink):
        raise BadRegistry(
            f"{path}: leaves {now} vignettes for {country} where {before} are in force, {1 - now / before:.0%} fewer;"
            f" more than {terms.max_shrink:.0%} looks like a list that was cut off: if it is whole, say"
            " `anpr vignettes import --accept-shrink`"
        )
