"""What the commands that need a detector's training data are told of it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from anpr.errors import BadInput
from models.detector.sources import Source

_SIZE = re.compile(r"(\d+)x(\d+)")

Data = Annotated[
    list[str],
    typer.Argument(
        metavar="DATASET[=WEIGHT]",
        help="labelled pictures with a split `train`, of any format; the weight is its share of what is drawn",
    ),
]
FontFolder = Annotated[
    Path, typer.Option("--fonts", metavar="DIR", help="fonts of the plates that are drawn into pictures")
]
Unlabelled = Annotated[
    list[Path] | None,
    typer.Option(metavar="DATASET", help="a data set in which not all plates are labelled (repeat it)"),
]
Additions = Annotated[
    list[str] | None,
    typer.Option(metavar="DATASET=FILE", help="boxes that a data set lacks, in both its splits (repeat it)"),
]
InputSize = Annotated[
    str, typer.Option("--input", metavar="WIDTHxHEIGHT", help="input of the network; multiples of 32")
]
Seed = Annotated[int, typer.Option(min=0, help="the same seed gives the same pictures and first weights")]


def input_size(text: str) -> tuple[int, int]:
    """Width and height in pixels. BadInput where the text is not of two numbers."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise BadInput(f'--input {text}: not width x height in pixels, such as "320x320"')
    return int(match[1]), int(match[2])


def added_boxes(texts: Sequence[str]) -> dict[Path, Path]:
    """The file with the boxes that a data set lacks, of each data set. BadInput where one is not told."""
    found: dict[Path, Path] = {}
    for text in texts:
        name, sign, file = text.rpartition("=")
        if not sign:
            raise BadInput(f"--additions {text}: not DATASET=FILE")
        found[Path(name)] = Path(file)
    return found


def sources(
    data: Sequence[str], unlabelled: Sequence[Path], added: Mapping[Path, Path], *, others: Sequence[Path] = ()
) -> tuple[Source, ...]:
    """The data sets to train on. BadInput where a weight is none, or one is spoken of that is neither there nor in
    `others`."""
    found = tuple(_source(one, unlabelled, added) for one in data)
    for path in (*unlabelled, *added):
        if path not in (*(source.path for source in found), *others):
            raise BadInput(f"{path}: neither trained on nor evaluated, so nothing is to be said of it")
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
