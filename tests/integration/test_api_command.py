"""`anpr keys` and `anpr serve`: what a newcomer types."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from api_server import a_key
from commands import run
from pipeline import until
from servers import open_directory

from anpr.errors import BadConfig, BadInput
from api import server
from cli import keys
from cli.events import events
from storage.db import Database
from storage.keys import Role

STARTED_S = 100.0  # two seconds on a machine that does nothing else


@contextmanager
def serving(port: int, *args: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-m", "cli.main", "serve", "--port", str(port), *args]
    plain = os.environ | {"DATABASE_URL": "", "REDIS_URL": ""} | env
    with subprocess.Popen(argv, env=plain, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def a_free_port() -> int:
    one = server.listening("127.0.0.1", 0)
    port = one.getsockname()[1]
    one.close()
    return port


def measured_at(directory: Path) -> tuple[str, int]:
    """A settings file that names a free port for /metrics, and the port."""
    port, file = a_free_port(), directory / "anpr.yaml"
    file.write_text(yaml.safe_dump({"metrics": {"port": port}}))
    return str(file), port


def status_of(client: httpx.Client, path: str, key: str = "") -> int:
    """0: nobody listens."""
    try:
        return client.get(path, headers={"Authorization": f"Bearer {key}"} if key else {}).status_code
    except httpx.ConnectError:
        return 0


def a_client(port: int) -> httpx.Client:
    """One for a whole test: each makes a TLS context, which takes as long as a server's start."""
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)


def test_a_key_is_shown_once_listed_and_revoked(database_url: str) -> None:
    made = run(keys.app, "add", "me", "--role", "admin", DATABASE_URL=database_url)
    key = made.out.strip()
    assert (made.status, key.startswith("anpr_"), len(key) > 40) == (0, True, True)
    again = run(keys.app, "add", "me", "--role", "viewer", DATABASE_URL=database_url)
    assert isinstance(again.error, BadInput)
    listed = run(keys.app, "list", "--format", "json", DATABASE_URL=database_url)
    (one,) = [json.loads(line) for line in listed.out.splitlines()]
    assert (one["name"], one["role"], one["revoked_at"]) == ("me", "admin", None)
    assert key not in listed.out
    assert run(keys.app, "revoke", "me", DATABASE_URL=database_url).out == "the key of me is revoked\n"
    assert isinstance(run(keys.app, "revoke", "me", DATABASE_URL=database_url).error, BadInput)
    assert run(keys.app, "add", "me", "--role", "viewer", DATABASE_URL=database_url).status == 0


def test_a_database_that_is_not_up_to_date_is_one_clear_line(running_servers: object) -> None:
    with running_servers.fresh_database() as url:  # pyright: ignore[reportAttributeAccessIssue]
        assert isinstance(run(keys.app, "list", DATABASE_URL=url).error, BadConfig)


@pytest.mark.timeout(360)
def test_the_server_answers_until_it_is_told_to_stop(database: Database, database_url: str, tmp_path: Path) -> None:
    key, port = a_key(database, Role.VIEWER), a_free_port()
    config, _ = measured_at(tmp_path)
    with a_client(port) as client, serving(port, DATABASE_URL=database_url, ANPR_CONFIG=config) as process:
        until(lambda: status_of(client, "/readyz") == 200, within_s=STARTED_S, what="it is ready")
        assert status_of(client, "/api/events", key) == 200
        with serving(port, DATABASE_URL=database_url) as second:
            assert second.wait(STARTED_S) == 2
            assert second.stderr is not None
            assert second.stderr.read() == f"anpr: port {port} of 127.0.0.1 is in use: choose another with --port\n"
        with client.stream("GET", "/api/live", headers={"Authorization": f"Bearer {key}"}) as stream:
            process.send_signal(signal.SIGTERM)
            assert "retry: " in "".join(stream.iter_text())  # it ends, and not by being cut
        assert process.wait(30) == 0
        assert process.stderr is not None
        told = [json.loads(line) for line in process.stderr.read().splitlines() if line.startswith("{")]
    warned = [(one["event"], one["why"]) for one in told if one["level"] == "warning"]
    assert warned == [("metrics.not_served_here", "no Redis: set REDIS_URL or redis_url in the settings")]


@pytest.mark.timeout(360)
def test_without_any_database_a_newcomer_gets_one_with_the_first_key() -> None:
    with open_directory() as directory:
        data = str(directory / "data")
        made = run(keys.app, "add", "me", "--role", "admin", "--data-dir", data)
        assert made.status == 0
        assert (Path(data) / "run.yaml").exists()
        port, (config, metrics_port) = a_free_port(), measured_at(directory)
        with a_client(port) as client, serving(port, "--data-dir", data, ANPR_CONFIG=config) as process:
            until(lambda: status_of(client, "/readyz") == 200, within_s=STARTED_S, what="it is ready")
            assert status_of(client, "/api/events", made.out.strip()) == 200
            assert status_of(client, "/metrics", made.out.strip()) == 404  # they have a port of their own
            scraped = httpx.get(f"http://127.0.0.1:{metrics_port}/metrics").text
            assert 'anpr_processes{role="serve"} 1.0' in scraped
            assert run(keys.app, "list", "--data-dir", data).status == 0  # beside it, by its servers
            assert run(events, "--data-dir", data, "--format", "json").status == 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
