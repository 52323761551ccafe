"""The exploratory look at a data set: where its plates lie and how large they are, as PNG and an HTML page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment, StrictUndefined
from numpy.typing import NDArray

from anpr.errors import BadInput
from models.datasets.types import Dataset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE = "index.html"
_TEMPLATE = Path(__file__).with_name("stats.html.j2")
_COLOURS = {"train": "#2266c4", "val": "#d9573f", "test": "#15702f"}
_OTHER_COLOUR = "#6b7480"
_BINS = 30
_ASPECTS = (1, 2, 4, 6)  # guides in the picture of sizes
_MOST_POINTS = 20_000  # more only blacken the scatter


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """The sound boxes of one split of pictures whose size is known, as arrays of one length."""

    split: str
    x: NDArray[np.float64]  # centre, share of the picture's width
    y: NDArray[np.float64]  # centre, share of its height
    width_px: NDArray[np.float64]
    height_px: NDArray[np.float64]

    @property
    def aspect(self) -> NDArray[np.float64]:
        return self.width_px / self.height_px

    @property
    def colour(self) -> str:
        return _COLOURS.get(self.split, _OTHER_COLOUR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    file: str
    title: str
    words: str


def boxes_by_split(dataset: Dataset) -> list[Boxes]:
    """The boxes of each split, train first; without splits all are of one called "all"."""
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    for image in dataset.images:
        for one in image.annotations:
            box = one.box
            if image.width_px and image.height_px and box.width > 0 and box.height > 0:
                x, y = box.centre
                row = (x / image.width_px, y / image.height_px, box.width, box.height)
                rows.setdefault(image.split or "all", []).append(row)
    order = sorted(rows, key=lambda split: ([*_COLOURS, split].index(split), split))
    found: list[Boxes] = []
    for split in order:
        x, y, width, height = np.array(rows[split]).T
        found.append(Boxes(split=split, x=x, y=y, width_px=width, height_px=height))
    return found


def summary(dataset: Dataset) -> list[tuple[str, str]]:
    """What a data set holds, in pairs of a name and a text."""
    annotations = [one for image in dataset.images for one in image.annotations]
    splits = Counter(image.split or "none" for image in dataset.images)
    sizes = Counter((image.width_px, image.height_px) for image in dataset.images if image.width_px)
    labels = Counter(one.label for one in annotations)
    texts = [one.text for one in annotations if one.text]
    lines = [
        ("pictures", f"{len(dataset.images)}, {sum(not image.annotations for image in dataset.images)} without a box"),
        ("splits", _counted(splits)),
        ("sizes", _counted({f"{w}×{h}": n for (w, h), n in sizes.most_common(4)}, more=len(sizes) - 4)),
        ("boxes", f"{len(annotations)}, {sum(one.is_hard for one in annotations)} of them hard"),
        ("labels", _counted(labels)),
        ("plates read", f"{len(texts)}, {len(set(texts))} different"),
    ]
    parts = boxes_by_split(dataset)
    if parts:
        lines += [
            ("width", f"{_spread(np.concatenate([one.width_px for one in parts]))} px"),
            ("height", f"{_spread(np.concatenate([one.height_px for one in parts]))} px"),
            ("width : height", _spread(np.concatenate([one.aspect for one in parts]), digits=2)),
        ]
    return lines


def _counted(counts: Counter[str] | dict[str, int], more: int = 0) -> str:
    told = ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
    return told + (f", and {more} more" if more > 0 else "")


def _spread(values: NDArray[np.float64], digits: int = 0) -> str:
    low, five, middle, ninety_five, high = np.quantile(values, [0, 0.05, 0.5, 0.95, 1])
    return (
        f"median {middle:.{digits}f}, nine of ten {five:.{digits}f}–{ninety_five:.{digits}f}, "
        f"all {low:.{digits}f}–{high:.{digits}f}"
    )


def write(dataset: Dataset, folder: Path, *, title: str) -> list[tuple[str, str]]:
    """Write the pictures and the page `folder`/index.html; returns the summary.

    Raises BadInput where matplotlib is missing, there is no box, or the folder cannot be written.
    """
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 - of an extra: the rest of the package works without
    except ImportError as exc:
        raise BadInput(
            "drawing needs matplotlib, which is in the extra `train`: "
            "pip install 'anpr[train]', or uv sync --extra train in a checkout"
        ) from exc
    parts = boxes_by_split(dataset)
    if not parts:
        raise BadInput(f"{dataset.root}: no boxes in pictures of known size, so there is nothing to draw")
    lines = summary(dataset)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shown = [
            _saved(_positions(parts), folder, "positions.png", "Where", "Centres of the boxes across and down."),
            _saved(_place(parts), folder, "place.png", "Place", "Each dot is the centre of a box in its picture."),
            _saved(_sizes(parts), folder, "sizes.png", "How large", "Width, height and width : height of the boxes."),
            _saved(_size(parts), folder, "size.png", "Size", "Each dot is a box; the lines are of one width : height."),
        ]
        page = Environment(autoescape=True, undefined=StrictUndefined).from_string(_TEMPLATE.read_text("utf-8"))
        (folder / PAGE).write_text(page.render(title=title, lines=lines, pictures=shown), encoding="utf-8")
    except OSError as exc:
        raise BadInput(f"{exc.filename or folder}: {exc.strerror}") from exc
    return lines


def _saved(figure: "Figure", folder: Path, name: str, title: str, words: str) -> Picture:
    figure.savefig(folder / name, dpi=110)
    return Picture(file=name, title=title, words=words)


def _figure(columns: int, height: float = 3.2) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure  # noqa: PLC0415 - see `write`; a bare Figure draws with Agg

    figure = Figure(figsize=(4.6 * columns, height), layout="constrained")
    axes = [figure.add_subplot(1, columns, n + 1) for n in range(columns)]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=9)
    return figure, axes


def _positions(parts: Sequence[Boxes]) -> "Figure":
    figure, (across, down) = _figure(2)
    edges = np.linspace(0, 1, _BINS + 1)
    _histogram(across, parts, [one.x for one in parts], edges, "centre across, share of the width")
    _histogram(down, parts, [one.y for one in parts], edges, "centre down, share of the height")
    return figure


def _sizes(parts: Sequence[Boxes]) -> "Figure":
    figure, axes = _figure(3)
    for one, values, words in (
        (axes[0], [part.width_px for part in parts], "width, px"),
        (axes[1], [part.height_px for part in parts], "height, px"),
        (axes[2], [part.aspect for part in parts], "width : height"),
    ):
        both = np.concatenate(values)
        _histogram(one, parts, values, np.geomspace(both.min() * 0.999, both.max() * 1.001, _BINS + 1), words)
        _plain_log(one, "x")
    return figure


def _histogram(
    axes: "Axes", parts: Sequence[Boxes], values: Sequence[NDArray[np.float64]], edges: NDArray[np.float64], words: str
) -> None:
    """Shares of the boxes of each split, so that a small val can be laid on a large train."""
    for part, ones in zip(parts, values, strict=True):
        weights = np.full(len(ones), 100 / len(ones))
        axes.hist(ones, edges.tolist(), weights=weights, histtype="stepfilled", color=part.colour, alpha=0.25)
        name = f"{part.split} ({len(ones)})"
        axes.hist(ones, edges.tolist(), weights=weights, histtype="step", color=part.colour, label=name)
    axes.set_xlabel(words)
    axes.set_ylabel("% of boxes")
    axes.legend(frameon=False, fontsize=9)


def _place(parts: Sequence[Boxes]) -> "Figure":
    figure, (axes,) = _figure(1, 4.2)
    for part in parts:
        _scatter(axes, part, part.x, part.y)
    axes.set(xlim=(0, 1), ylim=(1, 0), xlabel="across, share of the width", ylabel="down, share of the height")
    _legend_above(axes)
    return figure


def _size(parts: Sequence[Boxes]) -> "Figure":
    figure, (axes,) = _figure(1, 4.2)
    for part in parts:
        _scatter(axes, part, part.width_px, part.height_px)
    widths = np.concatenate([part.width_px for part in parts])
    heights = np.concatenate([part.height_px for part in parts])
    axes.set(xscale="log", yscale="log", xlabel="width, px", ylabel="height, px")
    limits = (widths.min() * 0.8, widths.max() * 1.25), (heights.min() * 0.8, heights.max() * 1.25)
    for aspect in _ASPECTS:
        axes.plot(limits[0], [x / aspect for x in limits[0]], color="#c3c9d0", linewidth=0.8, zorder=0)
        at = min(limits[0][1], limits[1][1] * aspect) * 0.93
        axes.text(at, at / aspect, f"{aspect}:1", color=_OTHER_COLOUR, fontsize=8, ha="right", va="bottom")
    axes.set(xlim=limits[0], ylim=limits[1])
    _plain_log(axes, "x")
    _plain_log(axes, "y")
    _legend_above(axes)
    return figure


def _scatter(axes: "Axes", part: Boxes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    step = -(-len(x) // _MOST_POINTS)
    name = f"{part.split} ({len(x)})"
    axes.scatter(x[::step], y[::step], s=7, alpha=0.5, linewidths=0, color=part.colour, label=name)


def _legend_above(axes: "Axes") -> None:
    axes.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, markerscale=2.5)


def _plain_log(axes: "Axes", direction: str) -> None:
    """A logarithmic axis with ticks at 1, 2, 5, 10, … written out."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415 - see `write`

    axis = axes.xaxis if direction == "x" else axes.yaxis
    (axes.set_xscale if direction == "x" else axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
