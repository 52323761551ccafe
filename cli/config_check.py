"""`anpr config`: the settings."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer
import yaml
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from anpr.config import Camera, Settings
from cli import settings
from cli.settings import DEFAULT_FILE, ConfigOption
from ingest.redact import redact
from storage.db import Database

app = typer.Typer(help="The settings.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The settings."""


@app.command("check")
def check(
    file: Annotated[
        Path | None,
        typer.Argument(envvar="ANPR_CONFIG", help=f"YAML settings; default: {DEFAULT_FILE} where there is one"),
    ] = None,
) -> None:
    """Say whether the settings are right, and what they come to; nothing is connected to.

    Exit status **2** and one line that names the key where they are not.
    """
    loaded = settings.load(file)
    servers = {"database": _database(loaded.database_url), "Redis": _redis(loaded.redis_url)}
    console = Console()
    console.print(f"{source_of(file)}: ok", markup=False, highlight=False, soft_wrap=True)
    for what, address in servers.items():
        console.print(f"{what}: {address or 'none; `anpr run` starts its own'}", markup=False, highlight=False)
    console.print(f"evidence: {loaded.evidence_dir}", markup=False, highlight=False, soft_wrap=True)
    if loaded.cameras:
        console.print(_cameras_table(loaded))
    else:
        console.print("no cameras", highlight=False)


@app.command("show")
def show(config: ConfigOption = None) -> None:
    """Print all settings in force, defaults included, as YAML without their secrets."""
    loaded = settings.load(config)
    plain = cast(dict[str, Any], redacted(loaded.model_dump(mode="json")))
    plain |= {"database_url": _database(loaded.database_url), "redis_url": _redis(loaded.redis_url)}
    plain["retention"]["key"] = "***" if loaded.retention.key else ""
    plain["registry"]["token"] = "***" if loaded.registry.token else ""
    print(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), end="")


def source_of(file: Path | None) -> str:
    """Where settings come from, for people to read."""
    if file is not None:
        return str(file)
    return str(DEFAULT_FILE) if DEFAULT_FILE.is_file() else f"defaults (there is no {DEFAULT_FILE})"


def redacted(value: object) -> object:
    """Plain values with the credentials of all URLs in them shown as ***."""
    match value:
        case str():
            return redact(value)
        case dict():
            return {key: redacted(one) for key, one in cast(dict[str, object], value).items()}
        case list():
            return [redacted(one) for one in cast(list[object], value)]
        case _:
            return value


def _database(url: str) -> str:
    """The address without credentials; raises BadConfig where it is none."""
    if not url:
        return ""
    address = Database(url).address
    return redact(url) if "://" in url else address  # "host=… password=…" is one form that libpq takes


def _redis(url: str) -> str:
    """The address without credentials; raises BadConfig where it is none."""
    from workers import queues  # noqa: PLC0415 (loads RQ)

    if url:
        queues.connect(url)
    return redact(url)


def _cameras_table(loaded: Settings) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("camera", "source", "country", "fps", "motion", "regions"):
        table.add_column(column, overflow="fold")
    for name, camera in loaded.cameras.items():
        table.add_row(escape(name), escape(redact(camera.url)), *_told(camera))
    return table


def _told(camera: Camera) -> tuple[str, str, str, str]:
    return (
        camera.toll_country,
        "all" if camera.fps is None else f"{camera.fps:g}",
        "always" if camera.motion is None else f"from {camera.motion:g}",
        str(len(camera.regions)) if camera.regions else "whole picture",
    )
