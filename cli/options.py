"""Options that several commands share: moments, toll countries, the database."""

import re
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from anpr.errors import BadConfig
from anpr.vignettes import ZONES
from cli import settings
from cli.embedded import EmbeddedServers, InUse
from cli.settings import RUN_SETTINGS
from storage.db import Database

TIME_HELP = "such as 2026-05-01T08:00+02:00, 2026-05-01 (local time without a zone), or 2h, 1d ago"
_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: datetime | None = None) -> datetime:
    """A time in ISO 8601 or as long ago ("2h", "1d"), in UTC; without a zone it is local. Raises typer.BadParameter."""
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time {TIME_HELP}") from None


def toll_country(text: str) -> str:
    """A toll country that we know, in capitals. Raises typer.BadParameter."""
    if text.upper() not in ZONES:
        raise typer.BadParameter(f"{text!r} is no toll country that is known: {', '.join(ZONES)}")
    return text.upper()


TollCountry = Annotated[
    str | None,
    typer.Option("--country", parser=toll_country, metavar="CODE", help=f"toll country: {', '.join(ZONES)}"),
]


@contextmanager
def migrated_database(config: Path | None, data_dir: Path | None = None) -> Generator[Database]:
    """The database of the settings; where they name none, that of `anpr run`, which is started if it does not run.

    Raises BadConfig where there is neither, or it lacks our tables.
    """
    with _address(settings.load(config).database_url, settings.data_directory(data_dir)) as url:
        database = Database(url)
        try:
            yield database
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as exc:
            raise BadConfig(f"the database {database.address} is not up to date: run `anpr db migrate`") from exc
        finally:
            database.close()


@contextmanager
def _address(configured: str, data_dir: Path) -> Generator[str]:
    if configured:
        yield configured
        return
    if not (data_dir / RUN_SETTINGS).exists():
        raise BadConfig(
            "no database: set DATABASE_URL (postgresql://user@host/anpr) or database_url in the settings, or"
            f" ANPR_DATA_DIR to the data directory of an `anpr run` ({data_dir} is none)"
        )
    with ExitStack() as stack:
        try:
            url = stack.enter_context(EmbeddedServers(data_dir, redis=False)).database_url
        except InUse:
            url = settings.load(data_dir / RUN_SETTINGS).database_url
        yield url
