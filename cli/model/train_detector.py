"""`anpr model train detector`: weights of the plate detector from labelled pictures and rendered plates."""

from pathlib import Path
from typing import Annotated

import typer

from anpr.errors import BadInput
from cli.model.detector_data import (
    Additions,
    Data,
    FontFolder,
    InputSize,
    Seed,
    Unlabelled,
    added_boxes,
    input_size,
    sources,
)
from models.detector.sources import Source
from models.evaluate.extra import needed


def detector(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="where weights, checkpoint, history and curves go")],
    fonts: FontFolder,
    val: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DATASET", help="its split `val` decides which weights are kept (repeat it) [default: all]"
        ),
    ] = None,
    unlabelled: Unlabelled = None,
    additions: Additions = None,
    backbone: Annotated[
        Path | None, typer.Option(metavar="FILE", help="weights of MobileNetV2 1.0 without normalisation (.npz)")
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option(metavar="FILE", help="start from this run's best.npz, of any size of input")
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="weights whose answers it learns instead of the labels, as a slim one should"
        ),
    ] = None,
    size: InputSize = "320x320",
    steps: Annotated[int, typer.Option(min=1, help="gradient steps in all")] = 20_000,
    head_steps: Annotated[
        int, typer.Option(min=0, help="how many of them, the first, leave the whole backbone as it is")
    ] = 250,
    rate: Annotated[float, typer.Option(min=1e-6, max=1, help="learning rate of the heads at its highest")] = 2e-3,
    batch: Annotated[int, typer.Option(min=1, help="pictures a step")] = 16,
    every: Annotated[int, typer.Option(min=1, help="steps between two evaluations, each with a checkpoint")] = 250,
    patience: Annotated[int, typer.Option(min=1, help="evaluations without a better one before it stops early")] = 20,
    seed: Seed = 0,
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

    width_px, height_px = input_size(size)
    if head_steps >= steps:
        raise BadInput(f"--head-steps {head_steps}: must be less than --steps {steps}, which it is part of")
    added = added_boxes(additions or ())
    trained_on = sources(data, unlabelled or (), added, others=val or ())
    recipe = Recipe(
        sources=trained_on,
        fonts=fonts,
        width_px=width_px,
        height_px=height_px,
        batch=batch,
        seed=seed,
    )
    settings = Settings(
        recipe=recipe,
        val=tuple(Source(path=path, additions=added.get(path)) for path in val) if val else trained_on,
        steps=steps,
        head_steps=head_steps,
        every=every,
        patience=patience,
        rate=rate,
        processes=processes,
    )
    best = train_detector(
        settings,
        out,
        backbone=backbone,
        start_from=start_from,
        teacher=teacher,
        say=lambda line: print(line, flush=True),
    )
    print(f"best weights in {best}")
