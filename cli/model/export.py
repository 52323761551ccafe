"""`anpr model export`: trained networks as .tflite, for the pipeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from models.training import convert
from models.training.convert import Form

if TYPE_CHECKING:
    from models.training.exporting import Exported

app = typer.Typer(
    help="Trained networks as .tflite.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Run = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="directory of a training run")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="where the files go, each with its spec")]
Forms = Annotated[list[Form] | None, typer.Option("--form", help="only this one (may be repeated) [default: all]")]
Name = Annotated[str, typer.Option(metavar="NAME", help="of the files: NAME.tflite is int8, NAME.float32.tflite, …")]


@app.command("detector")
def detector_command(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    run: Run,
    out: Out,
    calibrate: Annotated[
        list[Path],
        typer.Option(metavar="DATASET", help="pictures by whose split `train` int8 is scaled (may be repeated)"),
    ],
    form: Forms = None,
    name: Name = "detector",
    threshold: Annotated[float, typer.Option(min=0, max=1, help="least score of a plate, for the spec")] = 0.5,
    pictures: Annotated[int, typer.Option(min=1, help="how many of the pictures to look at")] = 200,
) -> None:
    """Write the best detector of a training run as .tflite: float32, float16 and int8.

    Boxes come from `TFLite_Detection_PostProcess`, which is part of the file. Spec and label map are written too.
    The table tells by how much the score of the best box of a picture is off that in Keras.
    """
    convert.set_up()
    from models.detector import export  # noqa: PLC0415 (Keras takes seconds to import)

    _print(
        export.export(
            run, out, forms=form or list(Form), calibrate=calibrate, name=name, threshold=threshold, pictures=pictures
        )
    )


@app.command("reader")
def reader_command(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    run: Run,
    out: Out,
    calibrate: Annotated[
        list[Path],
        typer.Option(metavar="DIR", help="crops with a labels.csv, by whose split `train` int8 is scaled (repeat it)"),
    ],
    form: Forms = None,
    name: Name = "reader",
    look: Annotated[
        list[float] | None,
        typer.Option(min=0, max=0.25, help="for the spec: share cut off each side of a crop, a look each [default: 0]"),
    ] = None,
    enough: Annotated[
        float, typer.Option(min=0, max=1, help="for the spec: a look this sure of its text is the last")
    ] = 1.0,
    pictures: Annotated[int, typer.Option(min=1, help="how many of the crops to look at")] = 400,
) -> None:
    """Write the best reader of a training run as .tflite: float32, float16 and int8, with its spec.

    The table tells by how much the probability of the likeliest class of a step is off that in Keras.
    """
    convert.set_up()
    from models.reader import export  # noqa: PLC0415 (Keras takes seconds to import)

    _print(
        export.export(
            run,
            out,
            forms=form or list(Form),
            calibrate=calibrate,
            name=name,
            looks=look or (0.0,),
            enough=enough,
            pictures=pictures,
        )
    )


def _print(exported: Sequence["Exported"]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=str(exported[0].path.parent), title_justify="left")
    for number, column in enumerate(("file", "MB", "ms, one thread", "mean difference", "largest")):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for one in exported:
        table.add_row(
            one.path.name,
            f"{one.bytes / 1e6:.2f}",
            f"{one.latency.median_ms:.1f}",
            f"{one.mean_difference:.4f}",
            f"{one.largest_difference:.4f}",
        )
    Console().print(table)
