"""`anpr model train reader`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from anpr.errors import BadInput
from models.evaluate.extra import needed

if TYPE_CHECKING:
    from models.reader.data import Real

_SHARES = "as DATA=SHARE: that share of a batch; a folder with labels.csv, or a data set whose plates have a text"


def reader(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    out: Annotated[Path, typer.Option(metavar="DIR", help="the run: weights, checkpoint, history.csv, curves.png")],
    fonts: Annotated[Path, typer.Option(metavar="DIR", help="fonts to render plates with, searched in depth")],
    real: Annotated[list[str] | None, typer.Option(metavar="DATA=SHARE", help=f"real plates too, {_SHARES}")] = None,
    val: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="folders with labels.csv whose split val chooses the best")
    ] = None,
    input_px: Annotated[str, typer.Option("--input", metavar="WxH", help="input of the network, pixels")] = "160x32",
    steps: Annotated[int, typer.Option(min=1, help="gradient steps")] = 6000,
    batch: Annotated[int, typer.Option(min=1, help="plates a step")] = 64,
    every: Annotated[int, typer.Option(min=1, help="steps between evaluations and checkpoints")] = 250,
    patience: Annotated[int, typer.Option(min=1, help="evaluations without a better one before it stops")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="the same seed sees the same plates")] = 0,
    rate: Annotated[float, typer.Option(min=1e-6, max=1, help="learning rate at its highest")] = 2e-3,
    processes: Annotated[int, typer.Option(min=1, help="that render")] = 1,
    start_from: Annotated[
        Path | None, typer.Option(metavar="NPZ", help="weights to start from, such as another run's best.npz")
    ] = None,
) -> None:
    """Train the reader on rendered plates and real ones.

    Stopped with Ctrl-C or otherwise, the same command goes on from its last checkpoint. `KERAS_BACKEND` (tensorflow,
    torch or jax) says what computes. Afterwards: `anpr model export reader`.
    """
    needed("keras")
    from models.reader import train  # noqa: PLC0415 (loads a backend: seconds)

    settings = train.Settings(
        fonts=fonts,
        real=tuple(_real(one) for one in real or ()),
        validation=tuple(val or ()),
        input_px=_size(input_px),
        steps=steps,
        batch=batch,
        seed=seed,
        every=every,
        patience=patience,
        processes=processes,
        rate=rate,
    )
    console = Console(highlight=False, soft_wrap=True)
    try:
        best = train.train(settings, out, start_from=start_from, say=console.print)
    except KeyboardInterrupt:
        console.print(f"stopped; the same command goes on from the last checkpoint in {out}")
        raise typer.Exit(130) from None
    console.print(f"best weights in {best}")


def _real(text: str) -> "Real":
    from models.reader.data import Real  # noqa: PLC0415

    path, _, share = text.rpartition("=")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not path or not 0 < value < 1:
        raise BadInput(f"--real {text}: DATA=SHARE is expected, a share between 0 and 1")
    return Real(path=Path(path), share=value)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()) or int(width) % 4 or int(height) % 8 or not int(width) * int(height):
        raise BadInput(f"--input {text}: WIDTHxHEIGHT is expected, a width that divides by 4 and a height by 8")
    return int(width), int(height)
