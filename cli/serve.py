"""`anpr serve`: the HTTP API."""

import signal
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.console import Console

from anpr import log
from anpr.config import Settings
from anpr.errors import BadConfig, Unavailable
from cli import settings
from cli.settings import RUN_SETTINGS, ConfigOption, DataDirOption
from cli.shared import SharedServers
from storage import migrate
from storage.db import Database

if TYPE_CHECKING:
    from api.held import Held

_log = log.get(__name__)


def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="port to listen on [default: 8080]")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Answer programs and browsers over HTTP until SIGTERM or Ctrl-C: events, cameras, checks, pictures, lists.

    Everything needs a key, which `anpr keys add` makes; /docs says what there is. With `DATABASE_URL` set, that
    database is used; else that of `anpr run` in the data directory, which is started if it does not run.
    """
    from api import app, server  # noqa: PLC0415 (takes a second, and --help does not need it)
    from api.app import CONNECTIONS  # noqa: PLC0415
    from workers import queues  # noqa: PLC0415

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # while starting; then the server has its own
    with served(config, data_dir) as found:
        told = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
        wanted = found.model_copy(update={"api": found.api.model_copy(update=told)})
        listener = server.listening(wanted.api.host, wanted.api.port)
        database = Database(wanted.database_url, max_connections=CONNECTIONS)
        redis = queues.connect(wanted.redis_url) if wanted.redis_url else None
        held = app.hold(wanted, database, redis)
        address = f"[{wanted.api.host}]" if ":" in wanted.api.host else wanted.api.host
        Console(stderr=True).print(
            f"anpr serves http://{address}:{wanted.api.port} and http://{address}:{wanted.api.port}/docs",
            highlight=False,
            soft_wrap=True,
        )
        try:
            with _telling(held):
                server.serve(app.build(held), held, listener)
        finally:
            listener.close()
            database.close()
            if redis is not None:
                redis.close()


def _telling(held: "Held") -> AbstractContextManager[None]:
    """Tell Redis how this process does, and serve /metrics, which come of it; without a Redis neither can be."""
    from workers.endpoint import Endpoint  # noqa: PLC0415
    from workers.reporter import Reporter, reporting  # noqa: PLC0415

    if held.redis is None:
        if held.settings.metrics.port:
            _log.warning("metrics.not_served_here", why="no Redis: set REDIS_URL or redis_url in the settings")
        return nullcontext()
    return reporting(
        Reporter(
            "serve",
            redis=held.redis,
            measures=held.measures,
            database=held.database,
            endpoint=Endpoint(held.settings),
            models=held.networks.in_use,
            gauges=held.gauges,
        )
    )


@contextmanager
def served(config: Path | None, told_dir: Path | None) -> Generator[Settings]:
    """The settings with the servers to use: those given, which must be up to date where they answer, or our own."""
    loaded = settings.load(config)
    if loaded.database_url:
        database = Database(loaded.database_url)
        with suppress(Unavailable), database.transaction() as conn:
            if migrate.lacking(conn):
                raise BadConfig(f"the database {database.address} is not up to date: run `anpr db migrate`")
        database.close()
        yield loaded
        return
    data_dir = settings.data_directory(told_dir)
    with SharedServers(data_dir, redis=not loaded.redis_url) as servers:
        urls = {"database_url": servers.database_url, "redis_url": loaded.redis_url or servers.redis_url}
        _remember(data_dir, urls)
        told = settings.load(data_dir / RUN_SETTINGS) if (data_dir / RUN_SETTINGS).exists() else loaded
        evidence = told.evidence_dir if told is not loaded else str(data_dir / "evidence")
        own = {} if "evidence_dir" in loaded.model_fields_set else {"evidence_dir": evidence}
        database = Database(urls["database_url"])
        with database.transaction() as conn:
            migrate.migrate(conn)
        database.close()
        yield loaded.model_copy(update=urls | own)


def _remember(data_dir: Path, urls: dict[str, str]) -> None:
    """Let other commands find the servers, as an `anpr run` does; what one has said stays."""
    told = data_dir / RUN_SETTINGS
    if not told.exists():
        told.touch(mode=0o600)
        told.write_text(yaml.safe_dump(urls | {"evidence_dir": str(data_dir / "evidence")}), encoding="utf-8")
