"""Boxes find their way from the frame into the network's input and back."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anpr.types import Box, Detection
from models.detector import geometry

sizes = st.tuples(st.integers(8, 4096), st.integers(8, 4096))
Resize = Literal["stretch", "letterbox"]


def a_box(x1: float, y1: float, x2: float, y2: float) -> Box:
    return Box(x1=x1, y1=y1, x2=x2, y2=y2)


def a_detection(box: Box, score: float = 0.5) -> Detection:
    return Detection(box=box, score=score, label="plate")


def edges(box: Box) -> tuple[float, float, float, float]:
    return box.x1, box.y1, box.x2, box.y2


@given(sizes, st.sampled_from(["stretch", "letterbox"]), st.tuples(*[st.floats(0, 1)] * 4))
def test_a_box_comes_back_from_the_input_where_it_was(
    image_px: tuple[int, int], resize: Resize, shares: tuple[float, float, float, float]
) -> None:
    where = geometry.placement(image_px, (320, 320), resize)
    x1, y1, x2, y2 = shares
    box = a_box(x1 * image_px[0], y1 * image_px[1], x2 * image_px[0], y2 * image_px[1])
    assert edges(where.to_image(where.to_input(box))) == pytest.approx(edges(box), abs=1e-6)


@given(sizes, st.sampled_from(["stretch", "letterbox"]))
def test_the_whole_image_lies_inside_the_input(image_px: tuple[int, int], resize: Resize) -> None:
    whole = geometry.placement(image_px, (320, 192), resize).to_input(a_box(0, 0, *image_px))
    assert min(edges(whole)) >= -1e-6
    assert whole.x2 <= 320 + 1e-6
    assert whole.y2 <= 192 + 1e-6


def test_stretching_fills_the_input_and_letterboxing_keeps_the_aspect() -> None:
    frame = a_box(0, 0, 1280, 720)
    assert geometry.placement((1280, 720), (320, 320), "stretch").to_input(frame) == a_box(0, 0, 320, 320)
    assert geometry.placement((1280, 720), (320, 320), "letterbox").to_input(frame) == a_box(0, 70, 320, 250)


def test_letterboxing_pads_with_grey_and_leaves_the_image_alone() -> None:
    image = np.full((90, 160, 3), 7, np.uint8)
    where = geometry.placement((160, 90), (64, 64), "letterbox")
    placed = geometry.place(image, where, (64, 64))
    assert placed.shape == (64, 64, 3)
    assert set(np.unique(placed[14:50])) == {7}
    assert set(np.unique(placed[:14])) | set(np.unique(placed[50:])) == {geometry.PADDING}
    assert (image == 7).all()


@settings(max_examples=30)
@given(st.tuples(st.integers(8, 300), st.integers(8, 300)), st.integers(1, 4), st.integers(1, 4))
def test_tiles_cover_every_pixel_of_a_frame(size_px: tuple[int, int], columns: int, rows: int) -> None:
    covered = np.zeros((size_px[1], size_px[0]), bool)
    for x1, y1, x2, y2 in geometry.tiles(*size_px, columns, rows):
        assert 0 <= x1 < x2 <= size_px[0]
        assert 0 <= y1 < y2 <= size_px[1]
        covered[y1:y2, x1:x2] = True
    assert covered.all()


def test_neighbouring_tiles_overlap_by_a_fifth() -> None:
    assert geometry.tiles(1800, 720, 2, 1) == [(0, 0, 1000, 720), (800, 0, 1800, 720)]


def test_a_box_is_cut_to_the_frame() -> None:
    assert geometry.clipped(a_box(-5, 10, 30, 99), 100, 50) == a_box(0, 10, 30, 50)


@pytest.mark.parametrize(
    "box", [a_box(-9, 0, -1, 5), a_box(100, 0, 120, 5), a_box(99.5, 0, 120, 5), a_box(0, 60, 9, 70)]
)
def test_a_box_outside_the_frame_is_none(box: Box) -> None:
    assert geometry.clipped(box, 100, 50) is None


def test_boxes_of_one_plate_become_the_best_of_them() -> None:
    plate, looser, inside = a_box(10, 10, 60, 22), a_box(8, 8, 64, 24), a_box(20, 11, 40, 20)
    other = a_box(100, 10, 150, 22)
    detections = [a_detection(looser, 0.6), a_detection(other, 0.5), a_detection(plate, 0.9), a_detection(inside, 0.55)]
    assert geometry.merged(detections, max_overlap=0.5) == [a_detection(plate, 0.9), a_detection(other, 0.5)]


def test_overlap_is_a_share_of_the_smaller_box() -> None:
    assert geometry.overlap(a_box(0, 0, 10, 10), a_box(2, 2, 4, 4)) == 1.0
    assert geometry.overlap(a_box(0, 0, 10, 10), a_box(5, 0, 25, 10)) == 0.5
    assert geometry.overlap(a_box(0, 0, 10, 10), a_box(10, 0, 20, 10)) == 0.0
