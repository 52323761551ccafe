"""Labelled crops of plates: a labels.csv beside them."""

import csv
from dataclasses import dataclass
from pathlib import Path

from anpr import log
from anpr.errors import BadInput
from anpr.plates import normalise

LABELS = "labels.csv"
_NEEDED = ("file", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledCrop:
    """One picture of a plate and what it says; "" where the country is not known."""

    path: Path
    text: str  # A-Z and 0-9 alone
    country: str
    lines: int
    is_hard: bool


def load_crops(path: Path, *, split: str | None) -> list[LabelledCrop]:
    """The crops of a labels.csv, or of the one in a directory; those of one split where one is named.

    Columns: `file` (from the CSV's folder) and `text`; `country`, `split`, `hard` (0 or 1) and `lines` (1 or 2) may be
    there. Crops without a text are left out, with a warning. Raises BadInput, with the line of what is wrong.
    """
    table = path / LABELS if path.is_dir() else path
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise BadInput(f"{table}: has no column {missing[0]!r} (columns: {', '.join(reader.fieldnames or ())})")
            crops = [_crop(table, reader.line_num, row) for row in reader if split is None or row.get("split") == split]
    except OSError as exc:
        raise BadInput(f"{table}: {exc.strerror}") from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise BadInput(f"{table}: not a CSV in UTF-8 ({exc})") from exc
    labelled = [crop for crop in crops if crop.text]
    if not labelled:
        raise BadInput(f"{table}: no crop with a text" + (f" in the split {split!r}" if split else ""))
    if len(labelled) < len(crops):
        log.get(__name__).warning("crops.without_text", left_out=len(crops) - len(labelled), file=str(table))
    return labelled


def _crop(table: Path, line: int, row: dict[str, str | None]) -> LabelledCrop:
    lines, hard = row.get("lines") or "1", row.get("hard") or "0"
    if lines not in {"1", "2"} or hard not in {"0", "1"} or not row["file"]:
        raise BadInput(f"{table}:{line}: a file, lines of 1 or 2 and hard of 0 or 1 are expected")
    return LabelledCrop(
        path=table.parent / row["file"],
        text=normalise(row["text"] or ""),
        country=row.get("country") or "",
        lines=int(lines),
        is_hard=hard == "1",
    )
