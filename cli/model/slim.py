"""`anpr model slim`: networks with fewer channels, which take less time; needs the extra `train`."""

from pathlib import Path
from typing import Annotated

import typer

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
from models.evaluate.extra import needed

app = typer.Typer(
    help="Trained networks with fewer channels, which take less time.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def _group() -> None:
    """A group, though it has one command: `anpr model slim detector`, as `anpr model train detector`."""


@app.command("detector")
def detector_command(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="best.npz of a run, or the .npz beside a network")],
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="where weights and facts go, as of a training run")],
    fonts: FontFolder,
    share: Annotated[
        float, typer.Option(min=0.05, max=1, help="how much of the backbone's multiplications is left")
    ] = 0.5,
    unlabelled: Unlabelled = None,
    additions: Additions = None,
    size: InputSize = "320x320",
    batches: Annotated[int, typer.Option(min=1, help="how many batches of pictures to look at")] = 12,
    batch: Annotated[int, typer.Option(min=1, help="pictures each")] = 8,
    seed: Seed = 0,
) -> None:
    """Take the channels out of a detector's backbone that tell least about plates for what they cost.

    What stays is fitted to what the network gave before. Train on from it with `--start-from`: a few hundred steps.
    """
    needed("keras")
    from models.detector.pictures import Recipe  # noqa: PLC0415 (Keras takes seconds to import)
    from models.detector.slim import slim  # noqa: PLC0415

    width_px, height_px = input_size(size)
    trained_on = sources(data, unlabelled or (), added_boxes(additions or ()))
    recipe = Recipe(sources=trained_on, fonts=fonts, width_px=width_px, height_px=height_px, batch=batch, seed=seed)
    widths = slim(weights, recipe, out, share=share, batches=batches, say=lambda line: print(line, flush=True))
    print(f"channels left: {', '.join(map(str, widths.expansions))}; weights in {out / 'best.npz'}")
