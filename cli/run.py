"""`anpr run`: everything in one command, on embedded servers unless others are given."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console

from anpr.config import Settings, build
from anpr.errors import BadConfig
from cli import settings as loading
from cli.accounts import default_data_dir
from cli.pipeline import Crew, execute
from cli.settings import ConfigOption


def run(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            help="files, directories of pictures, rtsp:// or http:// URLs, /dev/video0; default: those of the settings",
        ),
    ] = None,
    config: ConfigOption = None,
    vignettes: Annotated[
        list[Path] | None, typer.Option("--vignettes", help="CSV list of vignettes to import first")
    ] = None,
    country: Annotated[str | None, typer.Option(help="toll country, such as CZ")] = None,
    fps: Annotated[float | None, typer.Option(help="frames a second to look at [default: 5]")] = None,
    start: Annotated[str | None, typer.Option(help="when a file begins, such as 2026-05-01T08:00+02:00")] = None,
    reader: Annotated[str | None, typer.Option(help="tflite, tesseract or segment [default: tflite]")] = None,
    detectors: Annotated[int, typer.Option(min=1, max=64, help="detection processes")] = 1,
    readers: Annotated[int, typer.Option(min=1, max=64, help="reading processes")] = 1,
    report: Annotated[Path | None, typer.Option(help="directory for an HTML report and annotated videos")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(envvar="ANPR_DATA_DIR", help="where the embedded servers keep their data")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="begin files anew that an earlier run left unfinished")] = False,
) -> None:
    """Watch sources and print one event for each car, with its verdict.

    With `DATABASE_URL` and `REDIS_URL` set, those servers are used; else embedded ones, which keep their data in the
    data directory. Files end by themselves; **Ctrl-C** finishes what is under way and stops everything. A file that
    was interrupted goes on where it was.
    """
    directory = (data_dir or default_data_dir()).expanduser().absolute()
    base = loading.load(config)
    wanted = _settings(base, sources or [], directory, country=country, fps=fps, start=start, reader=reader)
    outcome = execute(
        wanted,
        data_dir=directory,
        vignettes=vignettes or [],
        crew=Crew(detectors=detectors, readers=readers),
        report=report,
        console=Console(),
        fresh=fresh,
    )
    if outcome.has_failed:
        raise typer.Exit(2)


def _settings(
    base: Settings,
    sources: Sequence[str],
    directory: Path,
    *,
    country: str | None,
    fps: float | None,
    start: str | None,
    reader: str | None,
) -> Settings:
    """The settings of the file, with what the options say on top."""
    plain: dict[str, Any] = base.model_dump(exclude_unset=True)
    told = {key: value for key, value in (("toll_country", country), ("fps", fps)) if value is not None}
    plain["defaults"] = plain.get("defaults", {}) | told
    if sources:
        plain["cameras"] = {
            name: {"url": url} | ({} if start is None else {"start": start}) for name, url in named(sources).items()
        }
    elif base.cameras:
        plain["cameras"] = {name: camera | told for name, camera in plain["cameras"].items()}
    else:
        raise BadConfig(
            "no source: name a file, directory, URL or device, or cameras in anpr.yaml (see anpr run --help)"
        )
    if reader is not None:
        plain["read"] = plain.get("read", {}) | {"reader": reader}
    plain.setdefault("evidence_dir", str(directory / "evidence"))
    return build(plain, where="options", environ=os.environ)


def named(sources: Sequence[str]) -> Mapping[str, str]:
    """A camera name for each source: the file's or host's, with a number where two are alike; paths made absolute."""
    found: dict[str, str] = {}
    for source in sources:
        is_url = "://" in source
        stem = (urlsplit(source).hostname or "camera") if is_url else Path(source).stem
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-") or "camera"
        name, number = plain, 2
        while name in found:
            name, number = f"{plain}-{number}", number + 1
        found[name] = source if is_url else str(Path(source).expanduser().absolute())
    return found
