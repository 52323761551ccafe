"""Settings of a command: its file, the environment, and what its options say."""

import os
from pathlib import Path
from typing import Annotated

import typer

from anpr import config
from anpr.config import Settings
from anpr.errors import BadConfig

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="YAML settings; default: anpr.yaml where there is one", envvar="ANPR_CONFIG"),
]
DEFAULT_FILE = Path("anpr.yaml")
RUN_SETTINGS = "run.yaml"  # in the data directory: what the processes of a run were told


def load(path: Path | None) -> Settings:
    """The settings of `path`, of ./anpr.yaml, or the defaults. Raises BadConfig."""
    chosen = path or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    if chosen is None:
        return config.build({}, where="settings", environ=os.environ)
    try:
        text = chosen.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadConfig(f"{chosen}: cannot be read: {getattr(exc, 'strerror', None) or 'not UTF-8 text'}") from exc
    return config.parse(text, where=str(chosen), environ=os.environ)


def with_servers(settings: Settings, *, redis: bool = True) -> Settings:
    """These settings, if they name the servers. Raises BadConfig where they do not."""
    if not settings.database_url:
        raise BadConfig("no database: set DATABASE_URL (postgresql://user@host/anpr) or database_url in the settings")
    if redis and not settings.redis_url:
        raise BadConfig("no Redis: set REDIS_URL (redis://host:6379/0) or redis_url in the settings")
    return settings
