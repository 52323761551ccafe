"""`anpr run` as a shell starts it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pipeline import COMMAND, alive, family

ENDED_S = 100.0


@contextmanager
def running(data_dir: Path, *words: object, cwd: Path | None = None, **env: str) -> Iterator[subprocess.Popen[str]]:
    """`anpr run WORDS`, the leader of a process group as a shell starts it; all of it is gone afterwards."""
    process = subprocess.Popen(
        [*COMMAND, "run", *map(str, words), "--data-dir", str(data_dir)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        start_new_session=True,
        env=os.environ | {"DATABASE_URL": "", "REDIS_URL": "", "COLUMNS": "200"} | env,
    )
    try:
        yield process
    finally:
        left = [*alive(family(process.pid)), *running_on(data_dir)]
        for one in left:
            one.kill()
        psutil.wait_procs(left, timeout=10)
        process.communicate()


def run(data_dir: Path, *words: object, cwd: Path | None = None, **env: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of `anpr run WORDS`, which has left no process."""
    with running(data_dir, *words, cwd=cwd, **env) as process:
        out, err = process.communicate(timeout=ENDED_S)
        assert running_on(data_dir) == []
        return process.returncode, out, err


def running_on(data_dir: Path) -> list[psutil.Process]:
    """What runs with a data directory: its servers, and the workers whose settings lie in it."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        words = [process.info["cwd"] or "", *(process.info["cmdline"] or [])]
        if any(str(data_dir) in word for word in words):
            found.append(process)
    return alive(found)
