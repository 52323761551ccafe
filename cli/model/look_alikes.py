"""`anpr model evaluate look-alikes`: which characters a reader takes for which others, as data for the pipeline."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import track

from anpr.errors import AnprError
from models.evaluate import crops, look_alikes
from models.evaluate.reader import read_all
from models.reader import load_reader


def look_alikes_command(
    datasets: Annotated[list[Path], typer.Argument(metavar="DIR...", help="crops of plates, each with a labels.csv")],
    reader: Annotated[Literal["tflite", "tesseract", "segment"], typer.Option(help="which reader")] = "tflite",
    split: Annotated[str, typer.Option(metavar="NAME", help="only crops of this split; `all` for every crop")] = "all",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write there, such as anpr/look_alikes.yaml [default: print]")
    ] = None,
) -> None:
    """What a reader mistakes for what, as weights for grouping and checking plates.

    Characters that people know to look alike stay in, however well the reader tells them apart.
    """
    wanted = None if split == "all" else split
    labelled = [one for path in datasets for one in crops.load_crops(path, split=wanted)]
    shown = track(labelled, "crops", console=Console(file=sys.stderr), transient=True)
    reads = read_all(load_reader(reader), shown)
    found = look_alikes.counted((one.crop.text, one.reading.candidates) for one in reads)
    text = look_alikes.as_yaml(found, command=f"anpr model evaluate look-alikes ({reader}, {len(reads)} crops)")
    if out is None:
        print(text, end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise AnprError(f"{out}: {exc.strerror}") from exc
    print(f"{out}: from {len(reads)} crops")
