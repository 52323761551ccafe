"""`anpr model evaluate`: what a detector or a reader is worth on labelled pictures."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from anpr.errors import BadInput
from models.datasets.formats import Format as DataFormat
from models.detector.inference import WEIGHTS, Detector
from models.evaluate import alignment, crops, detector_sheets, page, plots, reader_sheets, tables, truth
from models.evaluate import detector as detectors
from models.evaluate import reader as readers
from models.evaluate.extra import needed
from models.reader import Reader, load_reader
from models.spec import DetectorSpec, load_spec

app = typer.Typer(
    help="What a detector or a reader is worth on labelled pictures.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


class Kind(StrEnum):
    """The readers that need no path."""

    TFLITE = "tflite"
    TESSERACT = "tesseract"
    SEGMENT = "segment"


Split = Annotated[str, typer.Option(metavar="NAME", help="only pictures of this split; `all` for every picture")]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="also write a page with curves and drawn errors (index.html) there")
]
Format = Annotated[Literal["table", "json"], typer.Option("--format", help="table; json: one object with all figures")]


@app.command("detector")
def detector_command(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="labelled pictures: a file or a directory")],
    model: Annotated[
        Path | None, typer.Option(metavar="PATH", help="detector .tflite, its spec beside it [default: ours]")
    ] = None,
    split: Split = "val",
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="least score of a plate [default: what the spec says]")
    ] = None,
    iou: Annotated[float, typer.Option(min=0.01, max=1, help="least overlap (IoU) of a plate and its detection")] = 0.5,
    tiles: Annotated[
        str | None, typer.Option(metavar="COLSxROWS", help="look in parts too, such as 2x1: finds smaller plates")
    ] = None,
    form: Annotated[
        DataFormat | None, typer.Option("--from", help="format of the data set [default: found out]")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="label of the data set that is a plate (may be repeated)")
    ] = None,
    additions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="boxes that the data set lacks, such as those beside the detector"),
    ] = None,
    out: Out = None,
    output: Format = "table",
) -> None:
    """How many plates a detector finds, how well it places them, how long it takes.

    Precision, recall, F1, average IoU and counts are at the threshold; AP@0.5 and AP@[.5:.95] are COCO's. Any TFLite
    detector will do whose spec names its output form: `ssd_postprocess`, `yolo_raw`, `yolo_end2end`, `retinanet`.

    **--out** draws the truth in blue and detections with their scores in orange, the worst misses first.
    """
    needed("pycocotools.coco")  # before minutes of work
    frames = truth.load_frames(dataset, form=form, split=_named(split), labels=label or (), additions=additions)
    if threshold is None:
        threshold = load_spec(DetectorSpec, model or WEIGHTS).threshold
    looks = detectors.look(
        track(frames, "frames", console=_progress(), transient=True),
        detector=Detector.load(model, threshold=threshold, tiles=tiles),
        searcher=Detector.load(model, threshold=detectors.LEAST_SCORE, tiles=tiles),
        least_iou=iou,
    )
    figures = detectors.measured(looks, threshold=threshold, least_iou=iou)
    name = str(model or WEIGHTS.name)
    truth_of = {"dataset": str(dataset), "split": split, "additions": str(additions) if additions else None}
    facts = {"model": name, **truth_of, "tiles": tiles} | asdict(figures)
    shown = tables.detector_tables(figures)
    if out is not None:
        page.make_directory(out)
        title = f"{name} on {dataset}, {split}"
        plots.precision_recall(
            out / "pr.png", detectors.points(looks), threshold=threshold, title=f"{name}, IoU {iou:g}"
        )
        pictures = [("pr.png", "precision and recall"), *detector_sheets.write_sheets(out, looks, threshold=threshold)]
        page.write_page(out, title=title, tables=shown, pictures=pictures, figures=facts)
    _print(shown, facts, output)


@app.command("reader")
def reader_command(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    dataset: Annotated[Path, typer.Argument(metavar="DIR", help="crops of plates with a labels.csv; or that file")],
    reader: Annotated[
        list[Kind] | None,
        typer.Option(help="which reader (may be repeated) [default: tflite, ours]"),
    ] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="reader .tflite, its spec beside it (may be repeated)"),
    ] = None,
    split: Split = "val",
    out: Out = None,
    output: Format = "table",
) -> None:
    """How many plates and characters a reader gets right, and what its confidence is worth.

    Every **--reader** and **--model** named is compared on the same crops. By country, height in pixels, lines, and
    whether the crop is marked hard; characters are 1 − edit distance / length.

    The labels.csv has the columns `file` and `text`, and may have `country`, `split`, `hard` (0, 1), `lines` (1, 2).
    """
    if out is not None:
        needed("matplotlib.figure")
    wanted = crops.load_crops(dataset, split=_named(split))
    reads: dict[str, list[readers.Read]] = {}
    for name, loaded in _contestants(reader or [], model or []):
        reads[name] = readers.read_all(loaded, track(wanted, name, console=_progress(), transient=True))
    figures = [readers.measured(name, one) for name, one in reads.items()]
    facts = {"dataset": str(dataset), "split": split, "readers": [asdict(one) for one in figures]}
    shown = tables.reader_tables(figures)
    if out is not None:
        page.make_directory(out)
        title = f"{', '.join(reads)} on {dataset}, {split}"
        pictures = _reader_pictures(out, reads, figures)
        page.write_page(out, title=title, tables=shown, pictures=pictures, figures=facts)
    _print(shown, facts, output)


def _contestants(kinds: Sequence[Kind], paths: Sequence[Path]) -> list[tuple[str, Reader]]:
    """Each reader under the name that tells it from the others."""
    stems = [path.stem for path in paths]
    names = [path.stem if stems.count(path.stem) == 1 and path.stem not in kinds else str(path) for path in paths]
    if len({*kinds, *names}) < len(kinds) + len(names):
        raise BadInput("--reader, --model: the same reader is named twice")
    ours = kinds or ([] if paths else [Kind.TFLITE])
    return [(kind.value, load_reader(kind.value)) for kind in ours] + [
        (name, load_reader("tflite", path=path)) for name, path in zip(names, paths, strict=True)
    ]


def _reader_pictures(
    out: Path, reads: dict[str, list[readers.Read]], figures: Sequence[readers.ReaderFigures]
) -> list[tuple[str, str]]:
    plots.reliability(out / "calibration.png", {one.name: (one.calibration, one.calibration_error) for one in figures})
    pictures = [("calibration.png", "confidence against plates right")]
    for number, (name, of_one) in enumerate(reads.items(), start=1):
        counts = alignment.confusions((one.crop.text, one.reading.text) for one in of_one)
        page.write_counts(out / f"confusion-{number}.csv", counts)
        plots.confusion(out / f"confusion-{number}.png", counts, title=name)
        what = reader_sheets.write_sheet(out / f"errors-{number}.jpg", of_one)
        if what:
            pictures.append((f"errors-{number}.jpg", f"{name}: {what}"))
        pictures.append((f"confusion-{number}.png", f"{name}: characters taken for others"))
    return pictures


def _named(split: str) -> str | None:
    return None if split == "all" else split


def _progress() -> Console:
    return Console(stderr=True, quiet=not sys.stderr.isatty())


def _print(shown: Sequence[page.Table], facts: dict[str, object], output: Literal["table", "json"]) -> None:
    if output == "json":
        print(json.dumps(facts, ensure_ascii=False))
        return
    console = Console()
    for one in shown:
        table = Table(box=box.SIMPLE_HEAD, title=one.title, title_justify="left", title_style="bold", pad_edge=False)
        for number, column in enumerate(one.columns):
            table.add_column(column, justify="right" if number else "left", overflow="fold")
        for row in one.rows:
            table.add_row(*row)
        console.print(table)
