"""`anpr model data`: data sets of plates, converted, checked, split and looked at."""

import itertools
import re
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from anpr.errors import BadInput
from models.datasets import check as checks
from models.datasets import formats, stats
from models.datasets.check import NEAR_BITS, Problem
from models.datasets.formats import Format
from models.datasets.split import SameVideo
from models.datasets.split import split as split_dataset
from models.datasets.types import Dataset

SHOWN = 10  # problems of a kind, unless all are asked for

app = typer.Typer(help="Data sets of plates: convert, check, split, look at.", no_args_is_help=True)

Source = Annotated[
    Path, typer.Argument(metavar="SRC", help="folder or annotation file: COCO, VOC, YOLO, CSV or Dataturks")
]
From = Annotated[Format | None, typer.Option("--from", help="format of SRC [default: found out]")]
Link = Annotated[bool, typer.Option("--link", help="hard-link the pictures where possible instead of copying them")]
Near = Annotated[
    int,
    typer.Option("--near", min=0, max=32, help="most of 64 hash bits that differ between pictures that look alike"),
]


@app.callback()
def _group() -> None:
    """Data sets of plates: convert, check, split, look at."""


@app.command()
def convert(
    src: Source,
    dst: Annotated[Path, typer.Argument(metavar="DST", help="new folder for annotations and pictures")],
    to: Annotated[Format, typer.Option("--to", help="format of DST")],
    from_: From = None,
    link: Link = False,
) -> None:
    """Write a data set in another format, pictures included.

    Splits, plate texts and other attributes are kept as far as the format has a place for them; what it has none for
    is told.
    """
    dataset = formats.read(src, from_)
    placed = formats.write(dataset, dst, to, link=link)
    print(f"{_counts(placed)} in {dst} as {to}")
    if lost := formats.losses(dataset, to):
        print(f"{to} has no place for {', '.join(lost)}: left out")


@app.command()
def check(
    src: Source,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="OTHER", help="data set that must share no picture and no plate")
    ] = None,
    from_: From = None,
    near: Near = NEAR_BITS,
    show_all: Annotated[bool, typer.Option("--all", help=f"all problems, not the first {SHOWN} of each kind")] = False,
) -> None:
    """Look for what spoils training and figures.

    Errors: files that are missing, cut short, no pictures or named as another type; sizes that are not those of the
    picture; boxes that are swapped, empty or outside; pictures that look alike and plates on both sides of the split
    (with **--against**: here and in OTHER). Warnings: pictures without annotation, near-duplicates, boxes and labels
    that look like slips.

    Exit status: **0** no errors; **1** errors; **2** not a data set.
    """
    dataset = formats.read(src, from_)
    other = None if against is None else formats.read(against)
    with _progress(len(dataset.images) + (len(other.images) if other else 0)) as bar:
        task = bar.task_ids[0]
        problems = checks.check(dataset, against=other, near_bits=near, on_picture=lambda: bar.advance(task))
    console = Console()
    for kind, of_kind in itertools.groupby(problems, key=lambda one: one.kind):
        console.print(_table(kind, list(of_kind), None if show_all else SHOWN))
    errors = sum(one.severity == "error" for one in problems)
    print(f"{_counts(dataset)}: {_plural(errors, 'error')}, {_plural(len(problems) - errors, 'warning')}")
    if errors:
        raise typer.Exit(1)


@app.command()
def split(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    src: Source,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="new folder for annotations and pictures")],
    share: Annotated[float, typer.Option("--share", help="part of the pictures for train, the rest is val")] = 0.8,
    seed: Annotated[int, typer.Option("--seed", help="another seed, another split")] = 7,
    near: Near = NEAR_BITS,
    video: Annotated[
        str | None,
        typer.Option(
            "--video",
            metavar="REGEX",
            help="how paths name a video and a time in it, such as '(?P<video>[^/]+)_t(?P<t>[0-9.]+)'",
        ),
    ] = None,
    within: Annotated[
        float, typer.Option("--within", min=0, help="frames of a video this close in `t`, in seconds, stay together")
    ] = 8.0,
    from_: From = None,
    to: Annotated[Format | None, typer.Option("--to", help="format of DIR [default: that of SRC]")] = None,
    link: Link = False,
) -> None:
    """Split a data set into train and val, and write it with its pictures.

    Pictures that look alike, that show the same plate or are of one moment of a video stay on one side. Both sides get
    the same parts of negatives and of small, middle and large plates, as far as that allows. A split that the data set
    had is forgotten.
    """
    form = from_ or formats.detect(src)
    dataset = formats.read(src, form)
    hashes: list[int | None] = []
    with _progress(len(dataset.images)) as bar:
        for image in dataset.images:
            seen = checks.look(dataset.file(image))
            hashes.append(None if seen is None else seen.hash)
            bar.advance(bar.task_ids[0])
    same_video = None if video is None else SameVideo(pattern=_pattern(video), within=within)
    done = split_dataset(dataset, hashes, share=share, seed=seed, near_bits=near, same_video=same_video)
    placed = formats.write(done.dataset, out, to or form, link=link)
    for side in ("train", "val"):
        of_side = tuple(image for image in placed.images if image.split == side)
        boxes = sum(len(image.annotations) for image in of_side)
        print(f"{side}: {_plural(len(of_side), 'picture')}, {_plural(boxes, 'box', 'boxes')}")
    print(f"{_plural(done.groups, 'group')} of pictures that belong together, the largest of {done.largest}")
    if done.is_off(share):
        print(f"train has {done.share:.0%} where {share:.0%} was asked for: the groups are too large for that")


@app.command("stats")
def stats_command(
    src: Source,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder for the PNGs and index.html")],
    from_: From = None,
) -> None:
    """Draw where the boxes lie, how large and how long they are: PNGs and a page of them.

    Needs matplotlib, which is in the extra `train`.
    """
    dataset = formats.read(src, from_)
    for name, text in stats.write(dataset, out, title=f"Plates of {src.resolve().name}"):
        print(f"{name:<16}{text}")
    print(out / stats.PAGE)


def _table(kind: str, problems: list[Problem], most: int | None) -> Table:
    severity = problems[0].severity
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f"{severity}: {kind} ({len(problems)})",
        title_justify="left",
        title_style="bold red" if severity == "error" else "bold yellow",
    )
    table.add_column("where", overflow="fold")
    table.add_column("what", overflow="fold")
    for one in problems[:most]:
        table.add_row(Text(one.where), Text(one.what))
    if most is not None and len(problems) > most:
        table.add_row("", f"… and {len(problems) - most} more (--all)", style="dim")
    return table


def _progress(pictures: int) -> Progress:
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    bar.add_task("looking at pictures", total=pictures)
    return bar


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as exc:
        raise BadInput(f"--video {text!r} is no regular expression: {exc}") from exc


def _counts(dataset: Dataset) -> str:
    boxes = sum(len(image.annotations) for image in dataset.images)
    return f"{_plural(len(dataset.images), 'picture')}, {_plural(boxes, 'box', 'boxes')}"


def _plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
