"""Whether a confidence is a probability.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: bins of equal width, expected calibration error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The readings whose confidence lies in [low, high): their mean confidence, and the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    right: float


def bins(confidences: Sequence[float], are_right: Sequence[bool]) -> list[Bin]:
    """The bins that hold a reading; the last one takes a confidence of 1 too."""
    made: list[Bin] = []
    for number in range(BINS):
        inside = [i for i, confidence in enumerate(confidences) if min(BINS - 1, int(confidence * BINS)) == number]
        if inside:
            made.append(
                Bin(
                    low=number / BINS,
                    high=(number + 1) / BINS,
                    count=len(inside),
                    confidence=sum(confidences[i] for i in inside) / len(inside),
                    right=sum(are_right[i] for i in inside) / len(inside),
                )
            )
    return made


def expected_error(made: Sequence[Bin]) -> float | None:
    """The mean distance of confidence and share of right readings, 0..1; None without readings."""
    count = sum(one.count for one in made)
    return sum(one.count * abs(one.right - one.confidence) for one in made) / count if count else None
