"""What every reader promises."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anpr.types import Reading


class Reader(Protocol):
    """Turns crops of plates into text. One a process or thread."""

    @property
    def name(self) -> str:
        """Short, for logs and stored reads: "tflite", "tesseract", "segment"."""
        ...

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """One reading a crop, in order; a crop is HxWx3 uint8 BGR of any size, cut with the margin of `recognise`."""
        ...
