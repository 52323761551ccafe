"""The detector's anchors, their coding, and which of them stand for which plate."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.detector.anchors import LEVELS, anchors, corners, decode, encode
from models.detector.targets import BACKGROUND, DOUBTFUL, IGNORED, PLATE, targets

NONE = np.zeros((0, 4), np.float32)


def box(centre: tuple[float, float], width: float, height: float) -> NDArray[np.float32]:
    """1×4: ymin, xmin, ymax, xmax round a centre (x, y)."""
    x, y = centre
    return np.array([[y - height / 2, x - width / 2, y + height / 2, x + width / 2]], np.float32)


@pytest.mark.parametrize("size", [(320, 320), (512, 288), (96, 64)])
def test_each_cell_of_each_level_has_its_anchors(size: tuple[int, int]) -> None:
    made = anchors(*size)
    cells = [-(-size[0] // level.stride_px) * -(-size[1] // level.stride_px) for level in LEVELS]
    number = sum(count * level.anchors_a_cell for count, level in zip(cells, LEVELS, strict=True))
    assert made.shape == (number, 4)
    assert made.dtype == np.float32
    assert ((made[:, :2] > 0) & (made[:, :2] < 1)).all()
    # The network's order: all anchors of the first cell, then of the one to its right.
    first = LEVELS[0].anchors_a_cell
    np.testing.assert_allclose(made[0, :2], (2 / size[1], 2 / size[0]), rtol=1e-5)
    np.testing.assert_allclose(made[first, :2], (2 / size[1], 6 / size[0]), rtol=1e-5)


def test_a_stretched_input_keeps_the_aspect_in_shares_and_the_area_in_pixels() -> None:
    square, wide = anchors(320, 320), anchors(512, 288)
    for made, area_px in ((square, 320 * 320), (wide, 512 * 288)):
        aspects = made[:, 3] / made[:, 2]
        sides = np.sqrt(made[:, 2] * made[:, 3] * area_px)
        assert {round(float(one), 2) for one in np.unique(aspects)} == {1.0, 1.3, 1.9, 2.6, 3.5}
        assert (round(float(sides.min()), 2), round(float(sides.max()), 2)) == (4 * 1.55, round(64 * 1.77, 2))


def test_boxes_come_back_from_their_codes() -> None:
    rng = np.random.default_rng(1)
    some = anchors(128, 96)[::7]
    low = rng.random((len(some), 2), dtype=np.float32) * 0.8
    boxes = np.concatenate([low, low + 0.01 + rng.random((len(some), 2), dtype=np.float32) * 0.2], axis=1)
    np.testing.assert_allclose(decode(encode(boxes, some), some), boxes, atol=1e-5)


def test_an_anchor_itself_has_the_code_of_nothing() -> None:
    some = anchors(64, 64)
    np.testing.assert_allclose(encode(corners(some), some), 0, atol=1e-4)
    moved = np.array([[0.5, 0.5, 0.2, 0.4]], np.float32)
    code = encode(box((0.54, 0.48), 0.4 * np.e, 0.2), moved)
    np.testing.assert_allclose(code, [[-1.0, 1.0, 0.0, 5.0]], atol=1e-4)  # scales 10, 10, 5, 5


@pytest.mark.parametrize("width_px", [6, 8, 11, 16, 24, 40, 70, 120, 160])
@pytest.mark.parametrize("aspect", [1.0, 2.0, 2.8, 4.2])
def test_some_anchors_stand_for_a_plate_of_any_size_and_place(width_px: float, aspect: float) -> None:
    all_of_them = anchors(320, 320)
    rng = np.random.default_rng(round(width_px * 10 + aspect))
    for _ in range(4):
        x, y = 0.3 + 0.4 * rng.random(2)
        plate = box((float(x), float(y)), width_px / 320, width_px / aspect / 320)
        made = targets(plate, NONE, all_of_them, is_complete=True)
        stands = made[:, 4] == PLATE
        assert 1 <= stands.sum() <= 40
        np.testing.assert_allclose(
            decode(made[stands, :4], all_of_them[stands]), np.repeat(plate, stands.sum(), axis=0), atol=1e-5
        )


def test_two_plates_side_by_side_have_their_own_anchors() -> None:
    all_of_them = anchors(320, 320)
    plates = np.concatenate([box((0.4, 0.5), 0.1, 0.05), box((0.52, 0.5), 0.1, 0.05)])
    made = targets(plates, NONE, all_of_them, is_complete=True)
    stands = made[:, 4] == PLATE
    found = decode(made[stands, :4], all_of_them[stands])
    distances = np.abs(found[:, np.newaxis] - plates[np.newaxis]).max(axis=2)
    assert (distances.min(axis=1) < 1e-5).all()
    assert set(distances.argmin(axis=1).tolist()) == {0, 1}


def test_a_picture_without_plates_is_background() -> None:
    made = targets(NONE, NONE, anchors(64, 64), is_complete=True)
    assert set(made[:, 4].tolist()) == {BACKGROUND}
    assert not made[:, :4].any()


def test_where_not_all_plates_are_labelled_background_is_doubtful() -> None:
    made = targets(box((0.5, 0.5), 0.3, 0.15), NONE, anchors(64, 64), is_complete=False)
    assert set(made[:, 4].tolist()) == {DOUBTFUL, PLATE}


def test_anchors_inside_an_ignored_box_are_ignored_but_where_a_plate_is() -> None:
    all_of_them = anchors(128, 128)
    ignored = np.array([[0.0, 0.0, 1.0, 0.5]], np.float32)
    made = targets(box((0.25, 0.5), 0.2, 0.1), ignored, all_of_them, is_complete=True)
    is_inside = (all_of_them[:, 1] < 0.5) & (all_of_them[:, 3] < 0.5) & (all_of_them[:, 2] < 0.2)
    is_inside &= np.abs(all_of_them[:, 0] - 0.5) < 0.4
    assert set(made[is_inside, 4].tolist()) == {IGNORED, PLATE}
    assert set(made[all_of_them[:, 1] - all_of_them[:, 3] / 2 > 0.5, 4].tolist()) == {BACKGROUND}
