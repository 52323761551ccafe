"""`anpr model train characters`."""

from pathlib import Path
from typing import Annotated

import typer

from models.evaluate.extra import needed


def characters(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    out: Annotated[Path, typer.Option(metavar="DIR", help="the run: weights, checkpoint, history.csv, curves.png")],
    fonts: Annotated[Path, typer.Option(metavar="DIR", help="fonts to render plates with, searched in depth")],
    number: Annotated[int, typer.Option(min=1, help="characters to render")] = 10_000,
    validation: Annotated[int, typer.Option(min=1, help="further ones, which choose the best weights")] = 1500,
    steps: Annotated[int, typer.Option(min=1, help="gradient steps")] = 4000,
    batch: Annotated[int, typer.Option(min=1, help="characters a step")] = 32,
    every: Annotated[int, typer.Option(min=1, help="steps between evaluations and checkpoints")] = 200,
    patience: Annotated[int, typer.Option(min=1, help="evaluations without a better one before it stops")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="the same seed renders the same characters")] = 0,
) -> None:
    """Train the network that names the characters of **--reader segment**.

    Plates are rendered and cut into characters as real ones are. Stopped with Ctrl-C or otherwise, the same command
    goes on from its last checkpoint. Where Keras runs on TensorFlow, `characters.tflite` and `classes.txt` are written
    too; after a run elsewhere, the same command does that here.
    """
    keras = needed("keras")
    from models.reader.segment.train import Settings, train  # noqa: PLC0415 (loads a backend: seconds)

    settings = Settings(
        fonts=fonts,
        number=number,
        validation=validation,
        steps=steps,
        batch=batch,
        seed=seed,
        every=every,
        patience=patience,
    )
    try:
        best = train(settings, out, say=lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on from the last checkpoint in {out}")
        raise typer.Exit(130) from None
    print(f"best weights in {best}")
    if keras.config.backend() == "tensorflow":
        from models.reader.segment.export import export  # noqa: PLC0415

        exported = export(out, fonts, seed=seed)
        print(f"{exported.path}: {exported.bytes / 1e6:.2f} MB, names {exported.accuracy:.1%} of rendered characters")
