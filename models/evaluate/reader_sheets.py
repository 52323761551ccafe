"""The wrong readings of a reader, drawn: the surest first."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.evaluate.alignment import aligned
from models.evaluate.reader import Read, worst
from models.evaluate.sheet import INK, PAPER, WRONG, Image, captioned, fitted, save, sheet, write
from models.evaluate.truth import picture

CROP_PX = (260, 84)
LETTER_PX = 20
MOST = 80


def write_sheet(path: Path, reads: Sequence[Read]) -> str | None:
    """Write the sheet of errors; returns what it shows, None (and no file) without an error.

    Raises BadInput where a picture cannot be read or the sheet not be written.
    """
    errors = worst(reads)
    if not errors:
        path.unlink(missing_ok=True)  # that of an earlier run
        return None
    save(path, sheet([_tile(one) for one in errors[:MOST]], columns=5))
    return f"wrong readings, the surest first ({min(MOST, len(errors))} of {len(errors)})"


def _tile(one: Read) -> Image:
    """The crop over what it says and, character under character, what was read; wrong ones are red."""
    texts = np.full((48, CROP_PX[0], 3), PAPER, np.uint8)
    pairs = aligned(one.crop.text, one.reading.text)
    step = min(LETTER_PX, (CROP_PX[0] - 4) // max(1, len(pairs)))
    for place, (truth, read) in enumerate(pairs):
        write(texts, truth or "-", (4 + place * step, 19), INK, 0.6)
        write(
            texts,
            read or "-",
            (4 + place * step, 43),
            INK if truth == read else WRONG,
            0.6,
            line_px=1 if truth == read else 2,
        )
    picture_of = fitted(picture(one.crop.path), *CROP_PX)
    told = f"{one.reading.confidence:.2f}  {one.crop.country} {one.height_px} px{' hard' if one.crop.is_hard else ''}"
    return captioned(np.concatenate([picture_of, texts]), told, one.crop.path.name[-38:])
