"""Where a plate lies in its crop, and what light, lens and sensor do to it."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.render import degrade
from models.render.plate import Plate
from models.render.view import seen

MAGENTA = (255, 0, 255)


def a_plate(*, rim: int = 6) -> Plate:
    """A magenta plate in a green frame."""
    image = np.full((60 + 2 * rim, 240 + 2 * rim, 3), (0, 255, 0), np.uint8)
    image[rim : rim + 60, rim : rim + 240] = MAGENTA
    x, y = rim + 240, rim + 60
    return Plate(image=image, corners=np.array([(rim, rim), (x, rim), (x, y), (rim, y)], np.float32))


def is_magenta(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(np.abs(image.astype(int) - MAGENTA).max(axis=2) < 40)


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_the_corners_hold_the_plate_and_nothing_else(difficulty: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        image, corners = seen(rng, a_plate(), scale=0.8, difficulty=difficulty)
        inside = cv2.fillConvexPoly(np.zeros(image.shape[:2], np.uint8), np.rint(corners).astype(np.int32), (1,))
        core = cv2.erode(inside, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
        reach = cv2.dilate(inside, np.ones((5, 5), np.uint8))
        assert is_magenta(image)[core == 1].all()
        assert not is_magenta(image)[reach == 0].any()


def test_corners_come_in_order_from_the_top_left() -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        _, corners = seen(rng, a_plate(), scale=0.5, difficulty=1.0)
        assert corners.dtype == np.float32
        assert cv2.contourArea(corners, oriented=True) > 0
        assert corners[0].sum() == corners.sum(axis=1).min()


def test_crops_cut_no_more_than_the_rim() -> None:
    rng = np.random.default_rng(6)
    for _ in range(100):
        image, corners = seen(rng, a_plate(), scale=0.5, difficulty=1.0)
        low, high = corners.min(axis=0), corners.max(axis=0)
        size = high - low
        assert (low >= -0.03 * size).all()
        assert (high <= np.array(image.shape[1::-1]) + 0.03 * size).all()


def test_hard_crops_are_looser_than_easy_ones() -> None:
    def spare(difficulty: float) -> float:
        rng = np.random.default_rng(6)
        views = [seen(rng, a_plate(), scale=0.5, difficulty=difficulty) for _ in range(60)]
        return float(np.mean([image.shape[1] / np.ptp(corners[:, 0]) for image, corners in views])) - 1

    assert 0 < spare(0.0) < 0.12
    assert 2 * spare(0.0) < spare(1.0) < 0.6


EFFECTS = [effect for _, _, effect in degrade.LIGHT + degrade.LENS + degrade.SENSOR]


@pytest.mark.parametrize("effect", [*EFFECTS, degrade.soiled], ids=lambda effect: effect.__name__)
@pytest.mark.parametrize("size", [(8, 8), (40, 170)])
def test_an_effect_keeps_the_size_and_leaves_its_input_alone(effect: degrade.Effect, size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 255, (*size, 3), dtype=np.uint8)
    before = image.copy()
    changed = 0
    for seed in range(6):
        after = effect(np.random.default_rng(seed), image, 20.0, 1.0)
        assert after.shape == image.shape
        assert after.dtype == np.uint8
        changed += not np.array_equal(after, image)
    assert changed > 0
    assert np.array_equal(image, before)


def test_the_seed_decides_how_a_picture_is_degraded() -> None:
    image = np.random.default_rng(1).integers(0, 255, (40, 170, 3), dtype=np.uint8)

    def run(seed: int) -> NDArray[np.uint8]:
        return degrade.degraded(np.random.default_rng(seed), image, letter_px=20, difficulty=1.0)

    assert np.array_equal(run(3), run(3))
    assert not np.array_equal(run(3), run(4))
