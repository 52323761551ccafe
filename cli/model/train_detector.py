"""`anpr model train detector`: weights of the plate detector from labelled pictures and rendered plates."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from anpr.errors import BadInput
from models.detector.sources import Source
from models.evaluate.extra import needed

_SIZE = re.compile(r"(\d+)x(\d+)")


def detector(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATASET[=WEIGHT]",
            help="labelled pictures with a split `train`, of any format; the weight is its share of what is drawn",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="where weights, checkpoint, history and curves go")],
    fonts: Annotated[Path, typer.Option(metavar="DIR", help="fonts of the plates that are drawn into pictures")],
    val: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DATASET", help="its split `val` decides which weights are kept (repeat it) [default: all]"
        ),
    ] = None,
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(metavar="DATASET", help="a data set in which not all plates are labelled (repeat it)"),
    ] = None,
    additions: Annotated[
        list[str] | None,
        typer.Option(metavar="DATASET=FILE", help="boxes that a data set lacks, in both its splits (repeat it)"),
    ] = None,
    backbone: Annotated[
        Path | None, typer.Option(metavar="FILE", help="weights of MobileNetV2 1.0 without normalisation (.npz)")
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option(metavar="FILE", help="start from this run's best.npz, of any size of input")
    ] = None,
    size: Annotated[
        str, typer.Option("--input", metavar="WIDTHxHEIGHT", help="input of the network; multiples of 32")
    ] = "320x320",
    steps: Annotated[int, typer.Option(min=1, help="gradient steps in all")] = 20_000,
    head_steps: Annotated[
        int, typer.Option(min=0, help="how many of them, the first, leave the whole backbone as it is")
    ] = 250,
    rate: Annotated[float, typer.Option(min=1e-6, max=1, help="learning rate of the heads at its highest")] = 2e-3,
    batch: Annotated[int, typer.Option(min=1, help="pictures a step")] = 16,
    every: Annotated[int, typer.Option(min=1, help="steps between two evaluations, each with a checkpoint")] = 250,
    patience: Annotated[int, typer.Option(min=1, help="evaluations without a better one before it stops early")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="the same seed gives the same pictures and first weights")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="how many make pictures while the network learns")] = 1,
) -> None:
    """Train the plate detector. The same command goes on with a run that was stopped.

    A frame is stretched into the input: 320x320 for small boards, 512x288 for small plates in wide frames; start the
    second from the weights of the first.

    `--out` gets best.npz (weights of the best mean AP@0.5 of the `val` splits), anchors.json, history.csv, curves.png.
    """
    for package in ("keras", "matplotlib", "pycocotools"):
        needed(package)
    from models.detector.pictures import Recipe  # noqa: PLC0415 (Keras takes seconds to import)
    from models.detector.train import Settings, train_detector  # noqa: PLC0415

    width_px, height_px = _size(size)
    if head_steps >= steps:
        raise BadInput(f"--head-steps {head_steps}: must be less than --steps {steps}, which it is part of")
    added = _additions(additions or ())
    sources = tuple(_source(one, unlabelled or (), added) for one in data)
    for path in (*(unlabelled or ()), *added):
        if path not in (*(source.path for source in sources), *(val or ())):
            raise BadInput(f"{path}: neither trained on nor evaluated, so nothing is to be said of it")
    recipe = Recipe(
        sources=sources,
        fonts=fonts,
        width_px=width_px,
        height_px=height_px,
        batch=batch,
        seed=seed,
    )
    settings = Settings(
        recipe=recipe,
        val=tuple(Source(path=path, additions=added.get(path)) for path in val) if val else sources,
        steps=steps,
        head_steps=head_steps,
        every=every,
        patience=patience,
        rate=rate,
        processes=processes,
    )
    best = train_detector(
        settings, out, backbone=backbone, start_from=start_from, say=lambda line: print(line, flush=True)
    )
    print(f"best weights in {best}")


def _size(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    if not match:
        raise BadInput(f'--input {text}: not width x height in pixels, such as "320x320"')
    return int(match[1]), int(match[2])


def _additions(texts: Sequence[str]) -> dict[Path, Path]:
    """The file of each data set."""
    found: dict[Path, Path] = {}
    for text in texts:
        name, sign, file = text.rpartition("=")
        if not sign:
            raise BadInput(f"--additions {text}: not DATASET=FILE")
        found[Path(name)] = Path(file)
    return found


def _source(text: str, unlabelled: Sequence[Path], additions: Mapping[Path, Path]) -> Source:
    """A data set with its weight after the last `=`, 1 where none is given."""
    name, sign, number = text.rpartition("=")
    path = Path(name if sign else text)
    try:
        weight = float(number) if sign else 1.0
    except ValueError:
        weight = 0.0
    if not 0 < weight < float("inf"):
        raise BadInput(f"{text}: the weight of a data set is a number above 0")
    return Source(path=path, weight=weight, is_complete=path not in unlabelled, additions=additions.get(path))
