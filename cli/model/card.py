"""`anpr model card`: what a network is, was made of and is worth, written beside it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from anpr.errors import BadInput
from cli.model.evaluate import Kind
from models.detector.inference import Detector
from models.evaluate import crops, tables, truth
from models.evaluate import detector as detectors
from models.evaluate import reader as readers
from models.evaluate.extra import needed
from models.evaluate.page import Table
from models.reader import Reader, load_reader
from models.spec import DetectorSpec, ReaderSpec, load_spec
from models.training.card import Section, short, side_by_side, training, write_card

IOU = 0.5  # of a plate and its detection

app = typer.Typer(
    help="What a network is, was made of and is worth, written beside it as CARD.md.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Model = Annotated[Path, typer.Argument(metavar="TFLITE", help="the network, its spec beside it")]
Against = Annotated[
    list[Path] | None,
    typer.Option(metavar="TFLITE", help="also measured, such as its float32 form (may be repeated)"),
]
Runs = Annotated[
    list[Path] | None, typer.Option("--run", metavar="DIR", help="training run (repeat it, in their order)")
]
Split = Annotated[str, typer.Option(metavar="NAME", help="only pictures of this split; `all` for every picture")]


@app.command("detector")
def detector_command(
    model: Model,
    data: Annotated[
        list[str],
        typer.Option(metavar="DATASET[=FILE]", help="labelled pictures to measure on, with boxes they lack in FILE"),
    ],
    against: Against = None,
    run: Runs = None,
    split: Split = "val",
) -> None:
    """Measure a detector on data sets and write CARD.md beside it.

    The card's section "Known weaknesses" is written by hand and kept.
    """
    needed("pycocotools.coco")  # before minutes of work
    spec = load_spec(DetectorSpec, model)
    loaded = _by_name([model, *(against or [])])
    runs = [training(one) for one in run or ()]
    sections = [_detector_section(loaded, one, split, spec.threshold) for one in data]
    path = write_card(
        "detector",
        model,
        what="An SSD, MobileNetV2 with a feature pyramid: finds number plates of any country in a frame.",
        described=[
            ("colours", spec.colour.upper()),
            ("a frame is", {"stretch": "stretched into the input", "letterbox": "placed in the input"}[spec.resize]),
            ("labels", f"`{spec.labels}`; plates: {', '.join(spec.plates)}"),
            ("threshold", f"{spec.threshold:g}"),
        ],
        runs=runs,
        sections=sections,
        how="AP as COCO defines it; times include resizing.",
    )
    print(path)


@app.command("reader")
def reader_command(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    model: Model,
    data: Annotated[list[Path], typer.Option(metavar="DIR", help="crops with a labels.csv to measure on (repeat it)")],
    against: Against = None,
    reader: Annotated[list[Kind] | None, typer.Option(help="also measured (may be repeated)")] = None,
    run: Runs = None,
    split: Split = "val",
) -> None:
    """Measure a reader on crops and write CARD.md beside it.

    The card's section "Known weaknesses" is written by hand and kept.
    """
    spec = load_spec(ReaderSpec, model)
    loaded = {name: load_reader("tflite", path=path) for name, path in _by_name([model, *(against or [])]).items()}
    loaded |= {kind.value: load_reader(kind.value) for kind in reader or ()}
    runs = [training(one) for one in run or ()]
    sections = [_reader_section(loaded, one, split) for one in data]
    path = write_card(
        "reader",
        model,
        what="Convolutions with a CTC head, no recurrence: reads a number plate that was cut out of a frame.",
        described=[
            ("a crop is", f"grey, stretched into the input, brought to mean {spec.mean:g} and deviation {spec.std:g}"),
            ("characters", f"`{spec.alphabet}`, then the blank of CTC"),
            ("lines of a plate", f"{spec.rows}, a part of the steps each"),
            ("looks", ", ".join(f"{share:g}" for share in spec.looks) + " cut off each side; candidates averaged"),
            ("enough", f"a look that is {spec.enough:.0%} sure is the last"),
            ("countries", " ".join(spec.regions) or "–"),
        ],
        runs=runs,
        sections=sections,
        how="Characters are 1 − edits / length; ECE is the expected calibration error of the confidence.",
    )
    print(path)


def _by_name(paths: Sequence[Path]) -> dict[str, Path]:
    named = {path.name: path for path in paths}
    if len(named) < len(paths):
        raise BadInput("--against: two networks with the same file name; the card would not tell them apart")
    return named


def _detector_section(models: Mapping[str, Path], told: str, split: str, threshold: float) -> Section:
    name, sign, file = told.partition("=")
    dataset, additions = Path(name), Path(file) if sign else None
    frames = truth.load_frames(dataset, split=_named(split), additions=additions)
    columns: dict[str, list[Table]] = {}
    for model, path in models.items():
        looks = detectors.look(
            track(frames, model, console=_progress(), transient=True),
            detector=Detector.load(path, threshold=threshold),
            searcher=Detector.load(path, threshold=detectors.LEAST_SCORE),
            least_iou=IOU,
        )
        columns[model] = tables.detector_tables(detectors.measured(looks, threshold=threshold, least_iou=IOU))
    figures = side_by_side({model: shown[0] for model, shown in columns.items()})
    by_width = [table for table in next(iter(columns.values()))[1:] if any(frame.plates for frame in frames)]
    title = _title(dataset, split) + (f", with the boxes of {additions.name}" if additions else "")
    return Section(title=title, tables=[figures, *by_width])


def _reader_section(loaded: Mapping[str, Reader], dataset: Path, split: str) -> Section:
    wanted = crops.load_crops(dataset, split=_named(split))
    figures = [
        readers.measured(name, readers.read_all(one, track(wanted, name, console=_progress(), transient=True)))
        for name, one in loaded.items()
    ]
    return Section(title=_title(dataset, split), tables=tables.reader_tables(figures))


def _title(dataset: Path, split: str) -> str:
    return short(dataset.resolve()) + (f", split {split}" if split != "all" else "")


def _named(split: str) -> str | None:
    return None if split == "all" else split


def _progress() -> Console:
    return Console(stderr=True, quiet=not sys.stderr.isatty())
