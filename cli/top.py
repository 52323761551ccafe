"""`anpr top`: cameras, queues, workers and verdicts, as they are now."""

import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from redis import Redis
from rich.console import Console
from rich.live import Live

from anpr.config import Settings
from anpr.errors import BadConfig, Unavailable
from anpr.health import FrameCounts
from cli import settings
from cli.accounts import default_data_dir
from cli.settings import RUN_SETTINGS, ConfigOption
from cli.top_view import view
from storage.db import Database
from workers import queues
from workers.state import CameraState, State, look


def top(
    every: Annotated[float, typer.Option("--every", min=0.2, max=3600, help="seconds between two looks")] = 1.0,
    once: Annotated[
        bool, typer.Option("--once", help="print it once; so it does where the output is no terminal")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print it once, as JSON")] = False,
    config: ConfigOption = None,
) -> None:
    """Watch cameras, queues, workers and the verdicts of the last hour, until **Ctrl-C**.

    Works beside a running `anpr run`, and with the servers of the settings or of `DATABASE_URL` and `REDIS_URL`.
    """
    chosen, where = _servers(config)
    database, redis = Database(chosen.database_url), queues.connect(chosen.redis_url)
    console = Console()
    try:
        state = _first(database, redis, where)
        if as_json:
            print(json.dumps(plain(state), indent=2, ensure_ascii=False))
        elif once or not console.is_terminal:
            console.print(view(state))
        else:
            with (
                suppress(KeyboardInterrupt),
                Live(view(state), console=console, screen=True, auto_refresh=False) as live,
            ):
                while True:
                    time.sleep(every)
                    live.update(view(look(database, redis)), refresh=True)
        sys.stdout.flush()  # here, where a reader that has gone away (`| head`) ends us quietly
    finally:
        database.close()
        redis.close()


def _servers(config: Path | None) -> tuple[Settings, str]:
    """The settings of the servers to look at, and what to call these; BadConfig where there are none."""
    loaded = settings.load(config)
    if loaded.database_url and loaded.redis_url:
        return loaded, "these servers"
    data_dir = Path(os.environ.get("ANPR_DATA_DIR") or default_data_dir())
    if not (data_dir / RUN_SETTINGS).exists():
        raise BadConfig(
            f"nothing runs here: there was no `anpr run` on {data_dir} (ANPR_DATA_DIR names another data directory),"
            " and neither DATABASE_URL and REDIS_URL nor the settings name servers"
        )
    ran = settings.load(data_dir / RUN_SETTINGS)
    urls = {
        "database_url": loaded.database_url or ran.database_url,
        "redis_url": loaded.redis_url or ran.redis_url,
    }
    return loaded.model_copy(update=urls), str(data_dir)


def _first(database: Database, redis: Redis, where: str) -> State:
    """The state, or Unavailable where no server answers."""
    state = look(database, redis)
    if state.postgres is None and state.redis is None:
        raise Unavailable(f"nothing runs on {where}: start `anpr run`; {'; '.join(state.failures)}")
    return state


def plain(state: State) -> dict[str, Any]:
    """What --json prints; a part is null where its server does not answer."""
    postgres, redis = state.postgres, state.redis
    return {
        "at": state.at.isoformat(),
        "failures": list(state.failures),
        "cameras": None if postgres is None else [_camera(one) for one in postgres.cameras],
        "queues": None
        if redis is None
        else [
            {"stage": one.stage, "waiting": one.waiting, "running": one.running, "oldest_s": _short(one.oldest_s)}
            for one in redis.queues
        ],
        "processes": None
        if redis is None
        else [
            {
                "role": one.role,
                "host": one.host,
                "pid": one.pid,
                "version": one.version,
                "models": dict(one.models),
                "up_s": one.up_s,
                "jobs": one.jobs,
                "busy": one.busy,
                "is_waiting": one.is_waiting,
                "memory_bytes": one.memory_bytes,
            }
            for one in redis.processes
        ],
        "verdicts_last_hour": None
        if postgres is None
        else {status.value: count for status, count in postgres.verdicts.items()},
        "registries": None
        if postgres is None
        else [
            {"toll_country": one.toll_country, "age_s": _short(one.age_s), "vignettes": one.vignettes}
            for one in postgres.registries
        ],
        "redis_memory_bytes": None if redis is None else redis.memory_bytes,
    }


def _camera(camera: CameraState) -> dict[str, Any]:
    counts: Sequence[str] = tuple(FrameCounts.__slots__)
    return {
        "camera": camera.name,
        "toll_country": camera.toll_country,
        "is_live": camera.is_live,
        "condition": camera.condition,
        "offered_fps": _short(camera.offered_fps),
        "processed_fps": _short(camera.processed_fps),
        "health": _short(camera.health),
        "lag_s": _short(camera.lag_s),
        "reconnects": camera.reconnects,
        "waiting": camera.counts.waiting,
        "frames": {name: getattr(camera.counts, name) for name in counts},
    }


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, 3)
