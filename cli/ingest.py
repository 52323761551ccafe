"""`anpr ingest`: cameras → Redis."""

import os
import signal
import threading
from typing import Annotated

import typer

from anpr.errors import BadConfig
from cli import settings
from cli.settings import ConfigOption


def ingest(
    cameras: Annotated[
        list[str] | None, typer.Argument(metavar="[CAMERA]...", help="names from the settings; default: all")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Decode cameras and hand their sampled frames to the workers, until Ctrl-C or the end of all files."""
    from ingest.run import run  # noqa: PLC0415 (loads the decoder)
    from workers import traces  # noqa: PLC0415

    loaded = settings.with_servers(settings.load(config))
    if not loaded.cameras:
        raise BadConfig("no camera: name one under `cameras:` in anpr.yaml")
    unknown = [name for name in cameras or [] if name not in loaded.cameras]
    if unknown:
        raise BadConfig(f"no camera {', '.join(unknown)} in the settings; there are {', '.join(loaded.cameras)}")
    chosen = {name: camera for name, camera in loaded.cameras.items() if not cameras or name in cameras}
    stop = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, lambda *_: stop.set())
    with traces.sent("ingest", os.environ):
        failed = run(loaded, chosen, stop)
    if failed:
        raise typer.Exit(2)
