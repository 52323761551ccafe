"""`python -m cli.healthy STAGE`: the health check of a container that runs one process of the pipeline."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, cast

import typer
from redis import Redis
from redis.exceptions import RedisError

from anpr.errors import AnprError, Unavailable
from anpr.metrics import CLIENT
from cli import settings
from cli.settings import ConfigOption

SILENT_S = 30  # a worker speaks to Redis every second, in a job at the latest after its time limit of 10 s
UNREPORTED_S = 15  # an ingest reports its counters every second


def healthy(
    stage: Annotated[Literal["ingest", "detect", "read", "check", "notify"], typer.Argument(help="what runs here")],
    config: ConfigOption = None,
) -> None:
    """Say by the exit status whether the process of this container is at work: **0** yes, **1** no.

    A worker is, while this address speaks to Redis; an ingest is, while a camera of its settings reports to Postgres.
    """
    loaded = settings.with_servers(settings.load(config))
    if stage == "ingest":
        is_well = _reports(loaded.database_url, list(loaded.cameras))
        wanting = f"no camera has reported for {UNREPORTED_S} s"
    else:
        is_well = speaks(loaded.redis_url)
        wanting = f"the worker has not spoken to Redis for {SILENT_S} s"
    print(f"{stage}: {'at work' if is_well else wanting}")
    if not is_well:
        raise typer.Exit(1)


def _reports(database_url: str, cameras: list[str]) -> bool:
    from storage import sessions  # noqa: PLC0415 (workers do without Postgres here)
    from storage.db import Database  # noqa: PLC0415

    database = Database(database_url)
    try:
        with database.transaction() as conn:
            since = datetime.now(UTC) - timedelta(seconds=UNREPORTED_S)
            return any(one.ended_at is None for one in sessions.of_cameras(conn, cameras, since=since))
    finally:
        database.close()


def speaks(redis_url: str, *, silent_s: float = SILENT_S) -> bool:
    """Whether another connection from our address was used in the last `silent_s`; Unavailable where Redis is away.

    RQ's own list of workers does not do: a worker that outlived a long outage of Redis is no longer in it.
    """
    redis = Redis.from_url(redis_url, socket_timeout=5, socket_connect_timeout=2)
    try:
        me = cast(int, redis.client_id())
        clients = {int(one["id"]): one for one in cast("list[dict[str, Any]]", redis.client_list())}
    except RedisError as exc:
        raise Unavailable(f"Redis does not answer: {exc}") from exc
    finally:
        redis.close()
    here = _host(clients[me])
    # A scrape of its metrics is answered by a thread, and goes on where the worker hangs.
    others = (one for number, one in clients.items() if number != me and one.get("name") != CLIENT)
    return any(_host(one) == here and int(one["idle"]) < silent_s for one in others)


def _host(client: dict[str, Any]) -> str:
    return str(client["addr"]).rpartition(":")[0]


def main() -> None:
    """As `cli.main` does it, without loading all other commands."""
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(healthy)
    try:
        app()
    except AnprError as exc:
        print(f"anpr: {exc}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
