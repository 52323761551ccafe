"""What the demo draws and writes agrees with its truth; seconds of drawing, too slow for the unit tests."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from cli.demo.scene import Scene, passing, plates_in
from cli.demo.vignettes import write_vignettes

TWO_READABLE = 75  # a frame in which both lanes hold a near car


@cache
def scene(seed: int, *, with_plates: bool = True) -> Scene:
    return Scene(seed, with_plates=with_plates)


def test_a_plate_is_drawn_where_its_box_says() -> None:
    box = plates_in(passing(7), TWO_READABLE)[0].box
    with_plates = scene(7).frame(TWO_READABLE).astype(int)
    without = scene(7, with_plates=False).frame(TWO_READABLE).astype(int)
    changed = np.abs(with_plates - without).max(axis=2) > 24
    x1, y1 = int(box.x1) - 20, int(box.y1) - 20
    rows, columns = np.nonzero(changed[y1 : int(box.y2) + 20, x1 : int(box.x2) + 20])
    drawn = np.array((x1 + columns.min(), y1 + rows.min(), x1 + columns.max() + 1, y1 + rows.max() + 1))
    # the border of a plate is as dark as what it is screwed to
    assert np.abs(drawn - (box.x1, box.y1, box.x2, box.y2)).max() <= 3


def test_nothing_but_plates_changes_without_plates() -> None:
    rest = (scene(7).frame(TWO_READABLE) != scene(7, with_plates=False).frame(TWO_READABLE)).any(axis=2)
    for seen in plates_in(passing(7), TWO_READABLE):
        box = seen.box
        rest[int(box.y1) - 3 : int(box.y2) + 4, int(box.x1) - 3 : int(box.x2) + 4] = False
    assert not rest[300:].any()  # above, cars too far away for the truth carry plates as well


def test_the_seed_decides_every_pixel() -> None:
    assert np.array_equal(Scene(7).frame(100), scene(7).frame(100))
    assert not np.array_equal(Scene(8).frame(100), scene(7).frame(100))


def test_the_vignette_file_has_its_header_and_a_line_a_vignette(tmp_path: Path) -> None:
    path = tmp_path / "vignettes.csv"
    write_vignettes(path, captured_at=datetime(2025, 6, 15, 12, 0, tzinfo=UTC))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == [
        "toll_country,plate,plate_country,kind,valid_from,valid_to",
        "CZ,1A23456,CZ,year,2025-02-15,2026-02-14",
    ]
    assert len(lines) == 6
