"""Child processes of one command: started, respawned, stopped in stages, and never left behind.

Each child leads a session of its own, so a terminal's Ctrl-C reaches only us. A child that calls
`install_parent_watch()` also ends when we are killed with -9: it holds the reading end of a pipe whose only writing
end is ours, and the kernel closes that whatever becomes of us (this works on Linux and macOS alike).
"""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import psutil

from anpr import log as logs
from anpr.errors import AnprError

PARENT_FD = "ANPR_PARENT_FD"
BAD_INPUT_STATUS = 2  # the exit status of a user's mistake: starting again would only repeat it
KILLED_WAIT_S = 1.0  # how long a SIGKILL may take; longer means stuck in the kernel, where waiting does not help
FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 5.0

log = logs.get(__name__)


def program(module: str, *words: str) -> list[str]:
    """The command line of a module of ours; a directory of its name where we were started is never taken for it."""
    return [sys.executable, "-P", "-m", module, *words]


def install_parent_watch(*, grace_s: float = 5.0) -> None:
    """End this process when the supervisor that started it is gone: SIGTERM first, SIGKILL after `grace_s`.

    Does nothing where no supervisor started it. Call it before slow imports: a supervisor that died earlier is
    noticed as well. The SIGKILL takes this process's group with it, that is, the programs it started.
    """
    number = os.environ.pop(PARENT_FD, None)  # our own children must not take it for theirs
    if number is None:
        return
    fd = int(number)
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        raise AnprError(f"{PARENT_FD}={number} is not the pipe of a supervisor")
    os.set_inheritable(fd, False)
    threading.Thread(target=_end_with_parent, args=(fd, grace_s), name="parent-watch", daemon=True).start()


def _end_with_parent(fd: int, grace_s: float) -> None:
    while os.read(fd, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


class RestartBudget:
    """How often one thing may die: `max_per_min` restarts in any minute, each waiting longer than the one before."""

    def __init__(self, max_per_min: int) -> None:
        self._max_per_min = max_per_min
        self._deaths: list[float] = []

    def spend(self, now_s: float) -> float | None:
        """The delay in seconds before the restart that a death at `now_s` asks for; None where none is left."""
        self._deaths = [at for at in self._deaths if at > now_s - 60.0]
        if len(self._deaths) >= self._max_per_min:
            return None
        self._deaths.append(now_s)
        return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (len(self._deaths) - 1))


@dataclass(slots=True, kw_only=True)
class _Child:
    name: str
    argv: list[str]
    env: dict[str, str] | None
    restart: bool
    budget: RestartBudget
    process: subprocess.Popen[bytes]
    status: int | None = None  # of its last end, as Popen.returncode has it
    due_at: float | None = None  # monotonic seconds of its next start, while it waits for one
    left: list[psutil.Process] = field(default_factory=list[psutil.Process])


class Supervisor:
    """Children by name. One thread uses it; leaving the `with` block stops all that still run.

    >>> with Supervisor() as supervisor:
    ...     supervisor.start("detect-1", program("cli.main", "worker", "detect"), restart=True)
    ...     supervisor.start("ingest", program("cli.main", "ingest"))
    ...     supervisor.wait(lambda: stop_asked() or not supervisor.running("ingest"))
    ...     supervisor.stop("ingest", grace_s=3)
    """

    def __init__(self, *, max_restarts_per_min: int = 5, grace_s: float = 5.0) -> None:
        self._max_restarts_per_min = max_restarts_per_min
        self._grace_s = grace_s
        self._children: dict[str, _Child] = {}
        self._parent_end: int | None = None
        self._child_end: int | None = None

    def __enter__(self) -> Self:
        self._child_end, self._parent_end = os.pipe()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(grace_s=self._grace_s)
        for fd in (self._parent_end, self._child_end):
            if fd is not None:
                os.close(fd)
        self._parent_end = self._child_end = None

    def start(
        self, name: str, argv: Sequence[str], *, restart: bool = False, env: Mapping[str, str] | None = None
    ) -> int:
        """Run `argv` as `name` (unique among those running) and return its pid.

        `env` replaces our environment; `restart` brings it back whenever it ends unasked, with whatever status.
        Raises AnprError where it cannot be run.
        """
        if name in self._children and self.running(name):
            raise ValueError(f"{name} is already running")
        whole = None if env is None else dict(env)
        process = self._spawn(name, list(argv), whole)
        budget = RestartBudget(self._max_restarts_per_min)
        self._children[name] = _Child(
            name=name, argv=list(argv), env=whole, restart=restart, budget=budget, process=process
        )
        return process.pid

    def pid(self, name: str) -> int | None:
        """The pid of `name`; None while it does not run."""
        child = self._children[name]
        return child.process.pid if child.status is None else None

    def exit_status(self, name: str) -> int | None:
        """How `name` ended last (as subprocess counts: −15 is SIGTERM); None while it runs or waits for a restart."""
        child = self._children[name]
        return child.status if child.due_at is None else None

    def running(self, *names: str) -> list[str]:
        """Those of `names` (of all, when none is given) that run or wait for their restart, as of the last poll."""
        chosen = [self._children[name] for name in names] if names else list(self._children.values())
        return [child.name for child in chosen if child.status is None or child.due_at is not None]

    def poll(self) -> None:
        """See who has died, log it, and start again those that are due.

        Raises AnprError where one died more often than a minute allows, or ended with the status of a user's mistake.
        """
        now_s = time.monotonic()
        for child in list(self._children.values()):
            status = child.process.poll()
            if child.status is None and status is not None:
                self._ended(child, status, now_s)
            if child.due_at is not None and child.due_at <= now_s:
                child.process = self._spawn(child.name, child.argv, child.env)
                child.status = child.due_at = None

    def wait(self, done: Callable[[], object], *, timeout_s: float | None = None, tick_s: float = 0.1) -> bool:
        """Poll every `tick_s` until `done()` is true (then True) or `timeout_s` is over (then False)."""
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self.poll()
            if done():
                return True
            if end_s is not None and time.monotonic() >= end_s:
                return False
            time.sleep(tick_s)

    def stop(self, *names: str, grace_s: float) -> None:
        """Stop `names` (all, when none is given) together: SIGTERM, up to `grace_s`, then SIGKILL to what is left of
        them and of the processes they started. Returns within `grace_s` + 1 s; stopping what has ended is no error."""
        chosen = [self._children[name] for name in names] if names else list(self._children.values())
        for child in chosen:
            child.due_at = None
        alive = [child for child in chosen if child.status is None]
        for child in alive:
            child.left = _descendants(child.process.pid)
            with suppress(ProcessLookupError):
                child.process.send_signal(signal.SIGTERM)
        end_s = time.monotonic() + grace_s
        while any(child.process.poll() is None for child in alive) and time.monotonic() < end_s:
            time.sleep(0.01)
        for child in alive:
            if child.process.poll() is None:
                log.warning("worker.killed", worker=child.name, pid=child.process.pid, after_s=grace_s)
                child.left += _descendants(child.process.pid)
            _kill_group(child.process.pid)
            for process in child.left:
                with suppress(psutil.Error):
                    process.kill()
        end_s = time.monotonic() + KILLED_WAIT_S
        for child in alive:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, end_s - time.monotonic()))
            child.status = child.process.returncode if child.process.returncode is not None else -signal.SIGKILL

    def _spawn(self, name: str, argv: list[str], env: dict[str, str] | None) -> subprocess.Popen[bytes]:
        if self._child_end is None:
            raise ValueError("a Supervisor starts children inside its `with` block only")
        try:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                env=(dict(os.environ) if env is None else env) | {PARENT_FD: str(self._child_end)},
                pass_fds=(self._child_end,),
                start_new_session=True,
            )
        except OSError as exc:
            raise AnprError(f"{name}: cannot run {argv[0]}: {exc.strerror}") from exc

    def _ended(self, child: _Child, status: int, now_s: float) -> None:
        child.status = status
        _kill_group(child.process.pid)
        if status != 0 or child.restart:
            log.warning("worker.died", worker=child.name, pid=child.process.pid, **_how(status))
        if not child.restart:
            return
        if status == BAD_INPUT_STATUS:
            raise AnprError(f"{child.name} ended with exit status {BAD_INPUT_STATUS}; its last message says why")
        delay_s = child.budget.spend(now_s)
        if delay_s is None:
            how = ", ".join(f"{key} {value}" for key, value in _how(status).items())
            raise AnprError(f"{child.name} died {self._max_restarts_per_min + 1} times within a minute, last: {how}")
        child.due_at = now_s + delay_s


def _how(status: int) -> dict[str, int | str]:
    if status >= 0:
        return {"exit_status": status}
    try:
        return {"signal": signal.Signals(-status).name}
    except ValueError:  # a real-time signal has no name
        return {"signal": -status}


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _kill_group(pid: int) -> None:
    # PermissionError is what macOS says of a group of zombies
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
