"""Settings of a command: its file, the environment, and what its options say."""

import os
from pathlib import Path
from typing import Annotated

import typer

from anpr import config
from anpr.config import Settings
from anpr.errors import BadConfig
from cli.accounts import default_data_dir

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="YAML settings; default: anpr.yaml where there is one", envvar="ANPR_CONFIG"),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", help="data of `anpr run`, used where no database is set", envvar="ANPR_DATA_DIR"),
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


def data_directory(told: Path | None) -> Path:
    """Where the embedded servers keep their data: as the option or the environment says, else the account's own."""
    return Path(told or os.environ.get("ANPR_DATA_DIR") or default_data_dir()).expanduser().absolute()


def with_servers(settings: Settings, *, redis: bool = True) -> Settings:
    """These settings, if they name the servers. Raises BadConfig where they do not."""
    if not settings.database_url:
        raise BadConfig("no database: set DATABASE_URL (postgresql://user@host/anpr) or database_url in the settings")
    if redis and not settings.redis_url:
        raise BadConfig("no Redis: set REDIS_URL (redis://host:6379/0) or redis_url in the settings")
    return settings
