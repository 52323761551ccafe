"""`anpr worker`: the processes that detect, read, check and notify."""

import os
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from anpr.config import Settings
from cli import settings
from cli.settings import ConfigOption
from cli.supervise import Supervisor, program
from cli.trials import check_networks
from workers.queues import STAGES, Stage


def worker(
    stage: Annotated[str, typer.Argument(help="detect, read, check or notify")],
    config: ConfigOption = None,
    number: Annotated[int, typer.Option("-n", "--number", min=1, max=64, help="worker processes to keep running")] = 1,
) -> None:
    """Serve one stage of the pipeline until SIGTERM or Ctrl-C; the job at hand is finished first.

    Add workers, on this host or others, until the queue stays short. More than one (**-n**) are kept running: one that
    dies is replaced.
    """
    if stage not in STAGES:
        raise typer.BadParameter(f"{stage!r} is not one of {', '.join(STAGES)}", param_hint="STAGE")
    chosen: Stage = stage  # pyright: ignore[reportAssignmentType]
    loaded = settings.with_servers(settings.load(config))
    if number > 1:
        _check(loaded, chosen)
        _pool(stage, number, config)
        return
    from workers import traces  # noqa: PLC0415
    from workers.worker import work  # noqa: PLC0415 (a pool needs no network)

    with traces.sent(stage, os.environ):
        while not work(chosen, loaded):
            pass


def command(stage: str, config: Path | None) -> list[str]:
    """The command line of one worker."""
    options = [] if config is None else ["--config", str(config)]
    return program("cli.main", "worker", stage, *options)


def _check(loaded: Settings, stage: Stage) -> None:
    """Raise BadInput once for what each worker of a pool would be refused for."""
    check_networks(loaded, (stage,))
    if stage == "notify":
        from workers.notify import check_secrets  # noqa: PLC0415 (loads the queues)

        check_secrets(loaded)


def _pool(stage: str, number: int, config: Path | None) -> None:
    stop = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, lambda *_: stop.set())
    with Supervisor() as supervisor:
        for place in range(1, number + 1):
            supervisor.start(f"{stage}-{place}", command(stage, config), restart=True)
        supervisor.wait(stop.is_set)
