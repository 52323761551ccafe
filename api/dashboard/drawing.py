"""Charts as places in a picture; a template draws them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

WIDTH, HEIGHT = 720.0, 200.0  # of the area that is drawn in
GAP = 0.18  # share of a bar's place that stays free
MOST_LABELS = 6  # more would run into each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle of a series (by number), at a place of the axis."""

    x: float
    y: float
    width: float
    height: float
    shade: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a series, as the path of SVG; a point alone is a dot."""

    path: str
    shade: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of values over labels, in an area of WIDTH × HEIGHT.

    `across` are labels for equal stretches of the axis, `up` are those at the bottom, middle and top; `rows` hold a
    label with a value of each series, as a table shows them.
    """

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    across: tuple[str, ...]
    up: tuple[str, str, str]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    is_empty: bool


def stacked(labels: Sequence[str], shades: Sequence[str], series: Sequence[Sequence[float]]) -> Chart:
    """Bars, each series on top of the one before."""
    tops = [sum(values) for values in zip(*series, strict=True)]
    most = ceiling(max(tops, default=0.0))
    step = WIDTH / max(1, len(labels))
    bars: list[Bar] = []
    for place in range(len(labels)):
        y = HEIGHT
        for shade, values in zip(shades, series, strict=True):
            height = values[place] / most * HEIGHT
            y -= height
            if height > 0:
                x = place * step + step * GAP / 2
                bars.append(
                    Bar(x=_round(x), y=_round(y), width=_round(step * (1 - GAP)), height=_round(height), shade=shade)
                )
    return _chart(labels, series, most, bars=tuple(bars), lines=())


def lines(labels: Sequence[str], shades: Sequence[str], series: Sequence[Sequence[float | None]]) -> Chart:
    """A line for each series; where a value is None it is broken."""
    most = ceiling(max((value for values in series for value in values if value is not None), default=0.0))
    step = WIDTH / max(1, len(labels))
    drawn: list[Line] = []
    for shade, values in zip(shades, series, strict=True):
        for run in _runs(values):
            points = [
                f"{_round((place + 0.5) * step)},{_round(HEIGHT - value / most * HEIGHT)}" for place, value in run
            ]
            drawn.append(Line(path=f"M{points[0]}L{' '.join(points)}", shade=shade))
    return _chart(labels, series, most, bars=(), lines=tuple(drawn))


def ceiling(value: float) -> float:
    """The least of 1, 2, 5 × a power of ten that is not below; 1 where nothing is above 0."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** floor(log10(value))
    return next(step * scale for step in (1, 2, 5, 10) if step * scale >= value)


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Stretches without None, each value with its place."""
    found: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is not None:
            found[-1].append((place, value))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def _chart(
    labels: Sequence[str],
    series: Sequence[Sequence[float | None]],
    most: float,
    *,
    bars: tuple[Bar, ...],
    lines: tuple[Line, ...],
) -> Chart:
    every = next(
        one for one in range(1, len(labels) + 1) if len(labels) % one == 0 and len(labels) / one <= MOST_LABELS
    )
    return Chart(
        bars=bars,
        lines=lines,
        across=tuple(labels[::every]),
        up=("0", f"{most / 2:g}", f"{most:g}"),
        rows=tuple((label, tuple(values[place] for values in series)) for place, label in enumerate(labels)),
        is_empty=not any(value for values in series for value in values),
    )


def _round(value: float) -> float:
    return round(value, 1)
