"""Figures in words, for terminals and pages."""

from collections.abc import Sequence

from models.evaluate.detector import DetectorFigures, SizeFigures
from models.evaluate.latency import Latency
from models.evaluate.page import Table
from models.evaluate.reader import Group, ReaderFigures


def detector_tables(figures: DetectorFigures) -> list[Table]:
    best = figures.best_f1
    shown = [
        ("frames, plates", f"{figures.frames}, {figures.plates}"),
        ("AP@0.5", _share(figures.ap50)),
        ("AP@[.5:.95]", _share(figures.ap50_95)),
        (f"at threshold {figures.threshold:g}, IoU {figures.iou:g}: precision", _share(figures.precision)),
        ("recall", _share(figures.recall)),
        ("F1", _share(figures.f1)),
        ("average IoU of the found", _share(figures.average_iou)),
        ("found, false, missed", f"{figures.true_positives}, {figures.false_positives}, {figures.false_negatives}"),
        ("false detections a frame", f"{figures.false_per_frame:.3f}"),
        ("best F1 of any threshold", f"{best.f1:.3f} at {best.score:.2f}" if best else "–"),
        ("time a frame, one thread", _told(figures.latency)),
    ]
    sizes = [(_range(size), str(size.plates), _share(size.recall), _share(size.ap50)) for size in figures.sizes]
    return [
        Table(title="Figures", columns=("", "value"), rows=shown),
        Table(title="By width of the plate", columns=("px of the frame", "plates", "recall", "AP@0.5"), rows=sizes),
    ]


def reader_tables(readers: Sequence[ReaderFigures]) -> list[Table]:
    """A row a reader, then a row a kind of crops with the exact plates and the characters of each reader.

    In brackets: of the plate that the grammars of countries make of the reader's candidates.
    """
    shown = [
        (
            one.name,
            str(one.crops),
            _both(one.exact, one.ranked),
            _both(one.characters, one.ranked_characters),
            _share(one.among_candidates),
            str(one.unread),
            _share(one.calibration_error),
            _told(one.latency),
        )
        for one in readers
    ]
    columns = (
        "reader",
        "crops",
        "exact (ranked)",
        "characters (ranked)",
        "in n-best",
        "unread",
        "ECE",
        "time a crop, one thread",
    )
    wrong = [
        (one.name, ", ".join(f"{c.truth or '–'}→{c.read or '–'} {c.count}" for c in one.confusions)) for one in readers
    ]
    names = [one.name for one in readers]
    heads = [
        f"{what}: {name}" if len(names) > 1 else what
        for name in names
        for what in ("exact (ranked)", "characters (ranked)")
    ]
    kinds = [
        (f"{group.by}: {group.kind}", str(group.crops), *[cell for one in readers for cell in _cells(one, group)])
        for group in readers[0].groups
    ]
    return [
        Table(title="Readers", columns=columns, rows=shown),
        Table(title="By kind of crop", columns=("", "crops", *heads), rows=kinds),
        Table(title="Characters taken for others", columns=("reader", "truth→read, times"), rows=wrong),
    ]


def _cells(reader: ReaderFigures, wanted: Group) -> tuple[str, str]:
    # All readers read the same crops, so that each has the group.
    group = next(one for one in reader.groups if (one.by, one.kind) == (wanted.by, wanted.kind))
    return _both(group.exact, group.ranked), _both(group.characters, group.ranked_characters)


def _both(read: float, ranked: float) -> str:
    return f"{read:.3f} ({ranked:.3f})"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"


def _told(latency: Latency) -> str:
    return f"{latency.median_ms:.1f} ms (95 %: {latency.p95_ms:.1f})"


def _range(size: SizeFigures) -> str:
    return f"{size.from_px} and more" if size.to_px is None else f"{size.from_px}–{size.to_px - 1}"
