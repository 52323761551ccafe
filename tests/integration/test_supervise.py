"""Child processes under the supervisor: real processes, real signals."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from anpr.errors import AnprError
from cli.supervise import Supervisor, program

SLEEP = ["sleep", "60"]
DEAF_WITH_A_CHILD = ["sh", "-c", "trap '' TERM; setsid sleep 60 & echo $! > $0; while :; do sleep 0.1; done"]
FAITHFUL = """
import signal, subprocess, sys, time
from cli.supervise import install_parent_watch

install_parent_watch(grace_s=0.5)
if sys.argv[2:] == ["deaf"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen(["sleep", "60"])
with open(sys.argv[1], "w") as file:
    print(grandchild.pid, file=file, flush=True)
time.sleep(60)
"""
PARENT = """
import sys, time
from cli.supervise import Supervisor

with Supervisor() as supervisor:
    for name in ("willing", "deaf"):
        print(supervisor.start(name, [sys.executable, "-c", sys.argv[1], f"{sys.argv[2]}/{name}", name]), flush=True)
    time.sleep(60)
"""


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not, though a container may keep it for a while."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(fact: Callable[[], object], *, within_s: float = 10.0) -> bool:
    end_s = time.monotonic() + within_s
    while not fact():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.02)
    return True


def written(path: Path) -> int:
    """The number that a child writes into `path` once it is ready."""
    assert eventually(lambda: path.exists() and path.read_text().strip())
    return int(path.read_text())


def test_a_child_runs_in_a_session_of_its_own_and_ends_with_the_block() -> None:
    with Supervisor() as supervisor:
        pid = supervisor.start("sleeper", SLEEP)
        assert os.getsid(pid) == pid
        assert supervisor.running() == ["sleeper"]
    assert not alive(pid)
    assert supervisor.exit_status("sleeper") == -signal.SIGTERM


def test_wait_ends_when_the_children_have_ended() -> None:
    with Supervisor() as supervisor:
        supervisor.start("short", ["sh", "-c", "exit 0"])
        assert supervisor.wait(lambda: not supervisor.running("short"), timeout_s=10)
        assert supervisor.exit_status("short") == 0
        assert not supervisor.wait(lambda: False, timeout_s=0)


def test_a_child_that_is_killed_comes_back_and_the_log_says_so() -> None:
    with Supervisor() as supervisor, capture_logs() as logged:
        first = supervisor.start("worker", SLEEP, restart=True)
        os.kill(first, signal.SIGKILL)
        assert supervisor.wait(lambda: supervisor.pid("worker") not in (first, None), timeout_s=10, tick_s=0.01)
        assert supervisor.running() == ["worker"]
    said = [(line["log_level"], line["event"], line["worker"], line["pid"], line["signal"]) for line in logged]
    assert said == [("warning", "worker.died", "worker", first, "SIGKILL")]


def test_a_child_that_was_not_to_be_restarted_stays_dead_with_its_status() -> None:
    with Supervisor() as supervisor, capture_logs() as logged:
        supervisor.start("once", ["sh", "-c", "exit 3"])
        assert supervisor.wait(lambda: not supervisor.running(), timeout_s=10)
        assert supervisor.exit_status("once") == 3
        supervisor.poll()
        assert supervisor.running() == []
    assert [(line["event"], line["exit_status"]) for line in logged] == [("worker.died", 3)]


def test_a_child_that_keeps_dying_is_given_up_with_its_status() -> None:
    with Supervisor(max_restarts_per_min=2) as supervisor:
        supervisor.start("worker", ["sh", "-c", "exit 7"], restart=True)
        with pytest.raises(AnprError) as given_up:
            supervisor.wait(lambda: False, timeout_s=10, tick_s=0.01)
    assert str(given_up.value) == "worker died 3 times within a minute, last: exit_status 7"


def test_a_users_mistake_is_not_tried_again() -> None:
    with Supervisor() as supervisor:
        supervisor.start("worker", ["sh", "-c", "exit 2"], restart=True)
        with pytest.raises(AnprError, match="worker ended with exit status 2"):
            supervisor.wait(lambda: False, timeout_s=10, tick_s=0.01)


def test_a_directory_of_the_same_name_is_not_taken_for_a_program_of_ours(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__init__.py").write_text("raise SystemExit('not ours')")
    done = subprocess.run(program("cli.main", "--help"), cwd=tmp_path, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_cannot_be_run_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    with Supervisor() as supervisor, pytest.raises(AnprError) as refused:
        supervisor.start("worker", [missing])
    assert str(refused.value) == f"worker: cannot run {missing}: No such file or directory"


def test_stages_stop_one_by_one() -> None:
    with Supervisor() as supervisor:
        supervisor.start("ingest", SLEEP)
        supervisor.start("detect-1", SLEEP, restart=True)
        supervisor.start("detect-2", SLEEP, restart=True)
        supervisor.stop("ingest", grace_s=5)
        assert supervisor.running() == ["detect-1", "detect-2"]
        supervisor.stop("detect-1", "detect-2", grace_s=5)
        supervisor.poll()
        assert supervisor.running() == []


def test_a_deaf_child_and_what_it_started_are_killed_within_the_bound(tmp_path: Path) -> None:
    with Supervisor() as supervisor, capture_logs():
        deaf = supervisor.start("deaf", [*DEAF_WITH_A_CHILD, str(tmp_path / "grandchild")])
        grandchild = written(tmp_path / "grandchild")
        begin_s = time.monotonic()
        supervisor.stop(grace_s=0.5)
        assert 0.5 <= time.monotonic() - begin_s < 2.0
        assert not alive(deaf)
        assert eventually(lambda: not alive(grandchild))
        assert supervisor.exit_status("deaf") == -signal.SIGKILL


def test_children_and_theirs_die_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    """The willing child ends at SIGTERM, the deaf one and its group after its grace."""
    argv = [sys.executable, "-c", PARENT, FAITHFUL, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        willing, deaf = int(parent.stdout.readline()), int(parent.stdout.readline())
        grandchildren = [written(tmp_path / "willing"), written(tmp_path / "deaf")]
        parent.kill()
    assert eventually(lambda: not alive(willing))
    assert eventually(lambda: not alive(deaf))
    assert eventually(lambda: not alive(grandchildren[1]))
    os.kill(grandchildren[0], signal.SIGKILL)  # a process that ends by itself answers for its own


def test_without_a_supervisor_the_watch_does_nothing() -> None:
    code = "from cli.supervise import install_parent_watch; install_parent_watch(); print('runs on')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "runs on\n"
