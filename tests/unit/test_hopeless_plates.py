"""Plates that no reader need look at."""

import pytest

from anpr.types import Box, PlateOutcome
from workers.detect import hopeless


def seen(x1: float, x2: float) -> PlateOutcome | None:
    return hopeless(Box(x1=x1, y1=300, x2=x2, y2=330), 1280, 720, 40)


@pytest.mark.parametrize(
    ("x1", "x2", "outcome"),
    [
        (600, 639, PlateOutcome.TOO_SMALL),
        (600, 641, None),
        (1124, 1280, PlateOutcome.UNREADABLE),
        (1124, 1275, PlateOutcome.UNREADABLE),
        (1124, 1270, None),
        (3, 103, PlateOutcome.UNREADABLE),
        (5, 105, None),
    ],
)
def test_a_plate_that_is_narrow_or_ends_near_the_edge_of_the_picture_is_not_read(
    x1: float, x2: float, outcome: PlateOutcome | None
) -> None:
    assert seen(x1, x2) is outcome
