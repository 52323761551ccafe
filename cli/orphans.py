"""Servers that a killed instance left running: found by the directory they work in, and stopped."""

import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

from anpr import log as logs

STOP_WAIT_S = 4.0

log = logs.get(__name__)


def stop_servers_in(home: Path) -> None:
    """Stop the servers whose working directory is `home`, and nobody else: it is the one thing that a recycled pid
    cannot imitate. Call it with the lock held, when no server of ours should be there."""
    found = [process for process in psutil.process_iter(["name"]) if _serves(process, home)]
    if not found:
        return
    pids = {process.pid for process in found}
    with suppress(psutil.Error):
        for process in found:
            if process.ppid() not in pids:
                log.info("server.orphan", pid=process.pid, home=str(home))
                process.send_signal(signal.SIGINT if home.name == "postgres" else signal.SIGTERM)
    if not _ended(found, home):
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        _ended(found, home)


def _ended(processes: list[psutil.Process], home: Path) -> bool:
    """Wait up to STOP_WAIT_S for all `processes` to end; also as zombies, which some containers keep for long."""
    end_s = time.monotonic() + STOP_WAIT_S
    while any(_serves(process, home) for process in processes):
        if time.monotonic() > end_s:
            return False
        time.sleep(0.01)
    return True


def _serves(process: psutil.Process, home: Path) -> bool:
    try:
        return process.name() in ("postgres", "initdb", "redis-server") and Path(process.cwd()) == home
    except psutil.Error:  # it has ended, or is somebody else's
        return False
