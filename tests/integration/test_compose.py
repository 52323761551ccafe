"""docker-compose.yml and the Dockerfile fit the Compose schema, the `anpr` command and each other.

No container is started here.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers import TestServers, open_directory
from typer.main import get_command

from anpr.config import Settings
from cli.embedded import EmbeddedServers
from cli.healthy import speaks
from cli.main import build
from workers.queues import STAGES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "anpr:latest"}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+)")


def test_the_compose_file_fits_the_compose_schema() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    argv = [checker, "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_a_service_for_each_part_of_the_pipeline() -> None:
    assert set(SERVICES) == {"redis", "postgres", "migrate", "ingest", "serve", *STAGES}
    assert {name: " ".join(service["command"]) for name, service in OURS.items()} == {
        "migrate": "db migrate",
        "ingest": "ingest",
        "serve": "serve --host 0.0.0.0",
        **{stage: f"worker {stage}" for stage in STAGES},
    }


@pytest.mark.parametrize("name", OURS)
def test_its_command_is_one_that_anpr_knows(name: str) -> None:
    command: Any = get_command(build())
    words = list(OURS[name]["command"])
    while words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context(name, words)  # raises where words are no arguments of it


@pytest.mark.parametrize("name", ["ingest", *STAGES])
def test_nothing_keeps_a_worker_from_being_scaled(name: str) -> None:
    assert {"container_name", "ports", "hostname"} & set(SERVICES[name]) == set()


@pytest.mark.parametrize("name", ["ingest", *STAGES])
def test_a_worker_starts_after_the_migration_and_comes_back_when_it_dies(name: str) -> None:
    service = SERVICES[name]
    assert service["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "redis": {"condition": "service_healthy"},
        "postgres": {"condition": "service_healthy"},
    }
    assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "cli.healthy", name]
    assert "unless-stopped" in service["restart"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_limits(name: str) -> None:
    assert set(SERVICES[name]["deploy"]["resources"]["limits"]) == {"cpus", "memory"}


def test_evidence_is_shared_by_those_that_write_and_thin_it() -> None:
    place = "evidence:/var/lib/anpr/evidence"
    assert {name for name, service in OURS.items() if place in service.get("volumes", [])} == {"read", "check"}
    workdir = re.findall(r"^WORKDIR (.*)$", DOCKERFILE, re.MULTILINE)[-1]
    assert f"evidence:{workdir}/{Settings().evidence_dir}" == place


def test_no_secret_is_in_the_file_and_every_variable_is_in_the_example() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))
    assert set(VARIABLE.findall(text)) - named == set()
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    assert {service["environment"]["DATABASE_URL"] for service in OURS.values()} == {"postgresql://anpr@postgres/anpr"}


def test_the_image_holds_every_package_and_the_locked_tools() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    packages = re.findall(r'"(\w+)"', re.findall(r"^packages = \[(.*)\]$", pyproject, re.MULTILINE)[0])
    assert re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE) == sorted(packages)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {word for line in re.findall(r"^COPY (\w.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"uv==([\d.]+)", DOCKERFILE) == re.findall(r"^UV_VERSION := (.*)$", makefile, re.MULTILINE)
    assert DOCKERFILE.index("\nUSER anpr") > DOCKERFILE.rindex("\nRUN ")


@contextmanager
def a_worker(**env: str) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "cli.main", "--log-level", "error", "worker", "check"]
    with subprocess.Popen(argv, env=os.environ | env) as process:
        yield process
        process.kill()


def health(stage: str, **env: str) -> tuple[int, str]:
    argv = [sys.executable, "-m", "cli.healthy", stage]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=os.environ | env)
    return done.returncode, done.stdout + done.stderr


def within(limit_s: float, what: str, is_so: Any) -> None:
    end_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end_s, what
        time.sleep(0.2)


def test_a_worker_is_healthy_while_it_works_and_not_when_it_hangs_or_is_gone(database_url: str) -> None:
    with open_directory() as directory, EmbeddedServers(directory / "data", postgres=False) as embedded:
        env = {"DATABASE_URL": database_url, "REDIS_URL": embedded.redis_url}
        assert health("check", **env) == (1, "check: the worker has not spoken to Redis for 30 s\n")
        with a_worker(**env) as process:
            within(60, "it is healthy", lambda: health("check", **env) == (0, "check: at work\n"))
            process.send_signal(signal.SIGSTOP)
            within(30, "it hangs", lambda: not speaks(embedded.redis_url, silent_s=2))
            process.send_signal(signal.SIGCONT)
            within(30, "it goes on", lambda: speaks(embedded.redis_url, silent_s=2))
        within(30, "it is gone", lambda: health("check", **env)[0] == 1)
    status, told = health("check", **env)
    assert (status, told.startswith("anpr: Redis does not answer: "), told.count("\n")) == (1, True, 1)


def test_an_ingest_is_healthy_while_its_camera_reports(
    running_servers: TestServers, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = tmp_path / "anpr.yaml"
    settings.write_text("cameras: {gone: {url: 'rtsp://127.0.0.1:9/none'}}", encoding="utf-8")
    env = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "ANPR_CONFIG": str(settings)}
    assert health("ingest", **env) == (1, "ingest: no camera has reported for 15 s\n")
    argv = [sys.executable, "-m", "cli.main", "--log-level", "error", "ingest"]
    with subprocess.Popen(argv, env=os.environ | env) as process:
        within(60, "it is healthy", lambda: health("ingest", **env) == (0, "ingest: at work\n"))
        process.terminate()
        process.wait(10)
    assert health("ingest", **env)[0] == 1
