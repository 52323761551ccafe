"""The page over all that an evaluation wrote into one directory."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from anpr.errors import BadInput

PAGE, FIGURES = "index.html", "figures.json"
_TEMPLATE = Path(__file__).with_name("page.html.j2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def make_directory(directory: Path) -> None:
    """Raises BadInput where that cannot be."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise BadInput(f"{directory}: {exc.strerror}: no directory for the figures") from exc


def write_page(
    directory: Path, *, title: str, tables: Sequence[Table], pictures: Sequence[tuple[str, str]], figures: Any
) -> Path:
    """Write figures.json and index.html, which shows `tables` and `pictures` (file name, what it shows).

    Returns the page's path; raises BadInput where it cannot be written.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    path = directory / PAGE
    try:
        (directory / FIGURES).write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        path.write_text(template.render(title=title, tables=tables, pictures=pictures), encoding="utf-8")
    except OSError as exc:
        raise BadInput(f"{directory}: {exc.strerror}") from exc
    return path


def write_counts(path: Path, counts: Counter[tuple[str, str]]) -> None:
    """A CSV of true and read characters with how often, commonest first; raises BadInput where it cannot be written."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("truth", "read", "count"))
            writer.writerows((truth, read, count) for (truth, read), count in counts.most_common())
    except OSError as exc:
        raise BadInput(f"{path}: {exc.strerror}") from exc
