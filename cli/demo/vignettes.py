"""The small vignette list that goes with the demo's cars."""

import csv
from datetime import date, datetime, timedelta
from pathlib import Path

HEADER = ("toll_country", "plate", "plate_country", "kind", "valid_from", "valid_to")

# plate, its country, kind, first and last day counted from the day of the clip; KR4E713 has none
_LIST = (
    ("1A23456", "CZ", "year", -120, 244),
    ("5H71964", "CZ", "10-day", -4, 5),
    ("MKT4173", "DE", "10-day", -14, -5),
    ("G347KL", "AT", "exempt", -400, 3000),
    ("KE417HT", "SK", "30-day", -20, 9),
)


def vignette_rows(day: date, *, toll_country: str = "CZ") -> tuple[tuple[str, ...], ...]:
    """The list for a clip of this day, in the columns of HEADER: ISO dates, valid_to the last valid day.

    Three cars paid, one's vignette ran out five days before, one is exempt, and the Polish one is not in the list.
    """
    return tuple(
        (toll_country, plate, country, kind, str(day + timedelta(days=first)), str(day + timedelta(days=last)))
        for plate, country, kind, first, last in _LIST
    )


def write_vignettes(path: Path, *, captured_at: datetime, toll_country: str = "CZ") -> None:
    """Write the rows for the day of `captured_at` (in its own zone) as CSV under their header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(HEADER)
        rows.writerows(vignette_rows(captured_at.date(), toll_country=toll_country))
