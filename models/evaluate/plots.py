"""Curves as PNG."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anpr.errors import BadInput
from models.evaluate.alignment import GAP
from models.evaluate.calibration import Bin
from models.evaluate.extra import needed
from models.evaluate.matching import Point

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LINE, MARK = "#1f5fa8", "#d2691e"


def precision_recall(path: Path, points: Sequence[Point], *, threshold: float, title: str) -> None:
    """The curve with the point of the threshold; raises BadInput where it cannot be written."""
    figure, axes = _figure(6, 5)
    axes.plot([p.recall for p in points], [p.precision for p in points], color=LINE, drawstyle="steps-pre")
    at = [point for point in points if point.score >= threshold]
    if at:
        axes.plot(at[-1].recall, at[-1].precision, "o", color=MARK, label=f"threshold {threshold:g}")
        axes.legend(loc="lower left")
    axes.set(xlim=(0, 1.01), ylim=(0, 1.01), xlabel="recall", ylabel="precision", title=title)
    axes.grid(alpha=0.3)
    _save(figure, path)


def reliability(path: Path, readers: Mapping[str, tuple[Sequence[Bin], float | None]]) -> None:
    """Share of right readings over confidence, one diagram a reader; how many readings each bin holds below it."""
    matplotlib = needed("matplotlib.figure")
    figure = matplotlib.Figure(figsize=(4.2 * len(readers), 5), layout="constrained")
    diagrams = figure.subplots(2, len(readers), squeeze=False, sharex=True, height_ratios=[3, 1])
    for (name, (made, error)), axes, counts in zip(readers.items(), *diagrams, strict=True):
        axes.plot([0, 1], [0, 1], "--", color="grey", linewidth=1)
        axes.plot([one.confidence for one in made], [one.right for one in made], "o-", color=LINE)
        told = "no reading" if error is None else f"expected calibration error {error:.3f}"
        axes.set(xlim=(0, 1), ylim=(0, 1.01), ylabel="plates right", title=f"{name}\n{told}")
        axes.grid(alpha=0.3)
        counts.bar([one.low for one in made], [one.count for one in made], width=0.1, align="edge", color=LINE)
        counts.set(xlabel="confidence", ylabel="readings")
    _save(figure, path)


def confusion(path: Path, counts: Counter[tuple[str, str]], *, title: str) -> None:
    """Wrong characters: true ones downwards, read ones across, with the commonest darkest; – is none."""
    order = [*CHARACTERS, GAP]
    grid = np.array([[counts[truth, read] if truth != read else 0 for read in order] for truth in order])
    figure, axes = _figure(9, 9)
    axes.imshow(grid, cmap="Blues", vmin=0, vmax=max(1, grid.max()))
    for row, column in np.argwhere(grid):
        shade = "white" if grid[row, column] > grid.max() / 2 else "black"
        axes.text(column, row, grid[row, column], ha="center", va="center", fontsize=6, color=shade)
    names = [one or "–" for one in order]
    axes.set_xticks(range(len(order)), names)
    axes.set_yticks(range(len(order)), names)
    axes.set(xlabel="read", ylabel="truth", title=title)
    axes.tick_params(length=0, labelsize=8)
    _save(figure, path)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    figure = needed("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _save(figure: Any, path: Path) -> None:
    needed("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    try:
        figure.savefig(path, dpi=110)
    except OSError as exc:
        raise BadInput(f"{path}: {exc.strerror}") from exc
