"""`anpr demo`: the whole pipeline on a clip that it draws itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from anpr.config import build
from anpr.vignettes import ZONES
from cli.accounts import default_data_dir
from cli.demo.vignettes import write_vignettes
from cli.pipeline import Crew, execute

TOLL_COUNTRY = "CZ"


def demo(
    out: Annotated[Path, typer.Option(help="directory for the clip, the vignette list and the report")] = Path(
        "demo-out"
    ),
    seed: Annotated[int, typer.Option(help="colours, landscape and noise of the clip")] = 7,
    data_dir: Annotated[
        Path | None, typer.Option(envvar="ANPR_DATA_DIR", help="where the embedded servers keep their data")
    ] = None,
) -> None:
    """Draw a short clip of cars with plates, run everything on it, and leave a report with an annotated video."""
    from cli.demo.clip import render_clip  # noqa: PLC0415 (loads OpenCV, which --help does not need)

    console = Console()
    out.mkdir(parents=True, exist_ok=True)
    clip, vignettes = out / "clip.mp4", out / "vignettes.csv"
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("drawing the clip", total=None)
        render_clip(clip, seed=seed, progress=lambda done, total: bar.update(task, completed=done, total=total))
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    write_vignettes(vignettes, captured_at=start.astimezone(ZoneInfo(ZONES[TOLL_COUNTRY])), toll_country=TOLL_COUNTRY)
    data = (data_dir or default_data_dir() / "demo").expanduser().absolute()
    wanted = build(
        {
            "defaults": {"toll_country": TOLL_COUNTRY},
            "cameras": {"demo": {"url": str(clip.absolute()), "start": start.isoformat()}},
            "evidence_dir": str(data / "evidence"),
        },
        where="demo",
        environ={},
    )
    crew = Crew(detectors=1, readers=1)
    execute(wanted, data_dir=data, vignettes=[vignettes], crew=crew, report=out / "report", console=console)
