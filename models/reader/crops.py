"""Cutting crops smaller."""

import numpy as np
from numpy.typing import NDArray


def trimmed(crop: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """A view of a crop without `share` (at most 0.25) of its width and height on each side; never empty."""
    height, width = crop.shape[:2]
    dx, dy = round(width * share), round(height * share)
    return crop[dy : height - dy, dx : width - dx]
