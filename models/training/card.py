"""CARD.md beside a network: what it is, what it was made of, how, and what it is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from jinja2 import Environment, StrictUndefined

from anpr.errors import BadInput
from models.evaluate.page import Table
from models.tflite import Network, runtime_version
from models.training.exporting import facts
from models.training.machine import processor

CARD = "CARD.md"
_RUN = "run.json"
_SOURCES = Path(__file__).with_name("sources.yaml")
_TEMPLATE = Path(__file__).with_name("card.md.j2")
_WEAKNESSES = "## Known weaknesses"
_TOLD = {  # of run.json, in the card's words
    "seed": "seed",
    "started_at": "started",
    "steps": "steps",
    "samples": "samples",
    "machine": "machine",
}
Kind = Literal["detector", "reader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One run, in words."""

    command: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The figures on one data set."""

    title: str
    tables: Sequence[Table]


def write_card(
    kind: Kind,
    model: Path,
    *,
    what: str,
    described: Sequence[tuple[str, str]],
    runs: Sequence[Training],
    sections: Sequence[Section],
    how: str,
) -> Path:
    """Write CARD.md beside a .tflite and return its path.

    what: a sentence; described: further rows of its first table; runs: in their order; how: what the figures mean.
    The section on known weaknesses is written by hand: it is kept from the card that is there. Raises BadInput where
    the card cannot be written.
    """
    path = model.with_name(CARD)
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 (no HTML)
    text = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        title=f"Plate {kind}",
        what=what,
        facts=[("file", f"`{model.name}`, {model.stat().st_size / 1e6:.1f} MB"), *_tensors(model), *described],
        sources=_sources(kind),
        runs=runs,
        command=f"anpr model card {kind}",
        machine=f"{processor()}, one thread, {runtime_version()}",
        how=how,
        sections=sections,
        weaknesses=_kept(path),
    )
    try:
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
    except OSError as exc:
        raise BadInput(f"{path}: {exc.strerror}") from exc
    return path


def training(run: Path) -> Training:
    """What the directory of a run says of it; BadInput where it does not."""
    path = run / _RUN
    told = facts(path)
    if not isinstance(told.get("command"), list):
        raise BadInput(f"{path}: has no command")
    rows = [(name, str(told[key])) for key, name in _TOLD.items() if key in told]
    if isinstance(told.get("took_s"), int | float):
        rows.append(("time", f"{told['took_s'] / 60:.0f} minutes"))
    return Training(command=" ".join(_short_word(str(word)) for word in told["command"]), facts=rows)


def side_by_side(tables: Mapping[str, Table]) -> Table:
    """Tables of the same rows, a name and a value each, as one with a column for each of them, by name."""
    first = next(iter(tables.values()))
    rows = [(name, *(table.rows[place][1] for table in tables.values())) for place, (name, *_) in enumerate(first.rows)]
    return Table(title=first.title, columns=("", *tables), rows=rows)


def short(path: Path | str) -> str:
    """The last two parts of a path: where it lies on a machine is nobody's business."""
    return "/".join(Path(path).parts[-2:])


def _tensors(model: Path) -> list[tuple[str, str]]:
    network = Network(model)
    told = [f"{'×'.join(map(str, one.shape))} {one.dtype}" for one in (network.input, *network.outputs)]
    return [("input", told[0]), ("output", ", ".join(told[1:]))]


def _sources(kind: Kind) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = yaml.safe_load(_SOURCES.read_text(encoding="utf-8"))
    return [one | {"used": one[kind]} for one in listed if kind in one]


def _short_word(word: str) -> str:
    return "=".join(short(part) if part.startswith("/") else part for part in word.split("="))


def _kept(path: Path) -> str:
    """What a card says of weaknesses, to the next heading; "" where there is none."""
    if not path.exists():
        return ""
    _, _, after = path.read_text(encoding="utf-8").partition(f"{_WEAKNESSES}\n")
    return after.partition("\n## ")[0].strip()
