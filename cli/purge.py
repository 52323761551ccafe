"""`anpr purge`: forget what is no longer needed."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from anpr.config import Settings
from anpr.errors import BadConfig
from cli import settings
from cli.accounts import default_data_dir
from cli.embedded import EmbeddedServers, InUse
from cli.settings import RUN_SETTINGS, ConfigOption
from storage import erasures
from storage.db import Database
from workers import purge as forgetting
from workers import queues
from workers.purge import Purged


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say which events are due, and change nothing")] = False,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="also write Postgres' tables anew, which locks them for that time")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Erase what passings left whose time has come, by the outcome of their verdicts and the toll country.

    The check workers do the same once a minute. After **--rewrite** not even the files of Postgres hold bytes of what
    was erased.
    """
    console = Console(highlight=False, soft_wrap=True)
    now = datetime.now(UTC)
    with _served(config) as served:
        database = Database(served.database_url)
        try:
            if dry_run:
                _tell(console, forgetting.due(database, served, now=now), "due")
                return
            redis = queues.connect(served.redis_url)
            queues.ping(redis)
            _tell(console, forgetting.purge(database, redis, served, now=now), "done")
            left = forgetting.tidy(database, redis, served, now=now)
            console.print(f"left by accidents: {left.pictures} pictures, {left.waiting} frames in Redis")
            if rewrite and not erasures.rewrite(database):
                console.print(
                    "the tables are rewritten, but this account may not have Postgres let go of its write-ahead log:"
                    " run `checkpoint; select pg_switch_wal(); checkpoint` as an administrator"
                )
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as exc:
            raise BadConfig(f"the database {database.address} is not up to date: run `anpr db migrate`") from exc
        except OSError as exc:
            raise BadConfig(f"{exc.filename}: cannot be removed: {exc.strerror}; its event is not erased") from exc
        finally:
            database.close()


def _tell(console: Console, what: Purged, word: str) -> None:
    for (status, act), count in sorted(what.events.items()):
        console.print(f"{status}: {count} events {f'to be {act}' if word == 'due' else act}")
    if not what.events:
        console.print("no event is due")
    if word == "done":
        console.print(
            f"{what.pictures} pictures, {what.looks} looks of no event, {what.pseudonyms} pseudonyms,"
            f" {what.searches} plates in the record of searches, {what.cases} cases,"
            f" {what.vignettes} vignettes of old lists"
        )


@contextmanager
def _served(config: Path | None) -> Generator[Settings]:
    """The settings with the servers to purge: those given, or those of `anpr run`, started where they do not run."""
    loaded = settings.load(config)
    if loaded.database_url and loaded.redis_url:
        yield loaded
        return
    data_dir = Path(os.environ.get("ANPR_DATA_DIR") or default_data_dir())
    if not (data_dir / RUN_SETTINGS).exists():
        settings.with_servers(loaded)
    told = settings.load(data_dir / RUN_SETTINGS)
    own = {
        "evidence_dir": loaded.evidence_dir if "evidence_dir" in loaded.model_fields_set else told.evidence_dir,
        "retention": loaded.retention if "retention" in loaded.model_fields_set else told.retention,
        "registry": loaded.registry if "registry" in loaded.model_fields_set else told.registry,
    }
    try:
        with EmbeddedServers(data_dir, postgres=not loaded.database_url, redis=not loaded.redis_url) as embedded:
            urls = {
                "database_url": loaded.database_url or embedded.database_url,
                "redis_url": loaded.redis_url or embedded.redis_url,
            }
            yield loaded.model_copy(update=urls | own)
    except InUse:
        urls = {
            "database_url": loaded.database_url or told.database_url,
            "redis_url": loaded.redis_url or told.redis_url,
        }
        yield loaded.model_copy(update=urls | own)
