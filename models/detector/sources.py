"""Which data sets a detector is trained on."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A data set to train on; `weight` is its share of the pictures that are drawn."""

    path: Path
    weight: float = 1.0
    is_complete: bool = True  # all plates that can be seen in its pictures are labelled
    additions: Path | None = None  # a file of boxes that the data set lacks; see models.datasets.additions
