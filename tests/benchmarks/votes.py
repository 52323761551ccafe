"""What a vote is worth beside other ways to make one plate of several reads, and what its confidence is worth.

    .venv/bin/python tests/benchmarks/votes.py [FILE...]

On the reads of rendered_cars.jsonl.gz, or of other files of that form (a line a car: its text, the candidates of each
look). Prints the exact plates by number of looks, the expected calibration error, and the constants of anpr/votes.py
that fit best: half of the cars fit them, the other half tell what they are worth.
"""

import argparse
import gzip
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anpr import votes
from anpr.types import Box, Candidate, PlateOutcome, PlateRead
from models.evaluate.alignment import aligned
from models.evaluate.calibration import bins, expected_error

LOOKS = (1, 2, 3, 4, 6, 8, 10)
TIMES = 1  # choices of looks a car
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
Reads = Sequence[PlateRead]


@dataclass(frozen=True, slots=True)
class Car:
    text: str
    looks: tuple[PlateRead, ...]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = [Path(__file__).with_name("rendered_cars.jsonl.gz")]
    options.add_argument("files", nargs="*", type=Path, default=default, metavar="FILE")
    for path in options.parse_args().files:
        cars = load(path)
        print(f"{path.name}: {len(cars)} cars, {sum(len(car.looks) for car in cars)} looks")
        compare(cars)
        calibrate(cars)


def load(path: Path) -> list[Car]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")
    told = [json.loads(line) for line in text.splitlines()]
    return [
        Car(one["text"], tuple(a_read(number, look) for number, look in enumerate(one["looks"]) if look))
        for one in told
        if any(one["looks"])
    ]


def a_read(number: int, look: Sequence[tuple[str, float]]) -> PlateRead:
    return PlateRead(
        session_id=1,
        frame_no=number,
        plate_no=0,
        captured_at=AT,
        box=Box(x1=0, y1=0, x2=100, y2=25),
        detection_score=0.9,
        outcome=PlateOutcome.READ,
        candidates=tuple(Candidate(text=text, confidence=p) for text, p in look),
    )


def chosen(cars: Sequence[Car], looks: int) -> Iterator[tuple[Car, Reads]]:
    """Every car some times, each time with other looks; cars with fewer looks are left out."""
    for number, car in enumerate(cars):
        if len(car.looks) >= looks:
            for time in range(TIMES):
                yield car, random.Random(f"{number} {looks} {time}").sample(car.looks, looks)


def compare(cars: Sequence[Car]) -> None:
    ways: dict[str, Callable[[Reads], str]] = {
        "best single read": lambda reads: max(reads, key=lambda read: (read.confidence, read.text)).text,
        "most reads alike": most_alike,
        "vote by characters": by_characters,
        "vote": lambda reads: votes.vote(reads).plate,
    }
    shown = [looks for looks in LOOKS if any(len(car.looks) >= looks for car in cars)]
    print("exact plates      looks" + "".join(f"{looks:8}" for looks in shown))
    for name, way in ways.items():
        shares = [np.mean([way(reads) == car.text for car, reads in chosen(cars, looks)]) for looks in shown]
        print(f"{name:23}" + "".join(f"{share:8.4f}" for share in shares), flush=True)


def most_alike(reads: Reads) -> str:
    texts = [read.text for read in reads]
    return min(texts, key=lambda text: (-texts.count(text), -max(r.confidence for r in reads if r.text == text), text))


def by_characters(reads: Reads) -> str:
    """Candidates aligned to the vote's plate; in each place the character (or none) of the greatest product wins."""
    pivot = votes.vote(reads).plate
    gains: list[dict[str, float]] = [{} for _ in range(2 * len(pivot) + 1)]
    for read in reads:
        shares: list[dict[str, float]] = [{} for _ in gains]
        for one in read.candidates:
            for place, part in enumerate(aligned_to(pivot, one.text)):
                shares[place][part] = shares[place].get(part, 0.0) + one.confidence
        for place, found in enumerate(shares):
            for part, p in found.items():
                gain = float(np.log(max(p, votes.UNSEEN) / votes.UNSEEN))
                gains[place][part] = gains[place].get(part, 0.0) + gain
    return "".join(min(found, key=lambda part: (-found[part], part)) for found in gains)


def aligned_to(pivot: str, text: str) -> list[str]:
    """What `text` has at each place of the pivot (odd) and between them (even); "" is nothing."""
    parts = [""] * (2 * len(pivot) + 1)
    place = 0
    for own, other in aligned(pivot, text):
        if own:
            place += 1
            parts[2 * place - 1] = other
        else:
            parts[2 * place] += other
    return parts


def calibrate(cars: Sequence[Car]) -> None:
    fitted = [evidence_of(half) for half in (cars[::2], cars[1::2])]
    slope, shift = platt(*fitted[0])
    evidence, right = fitted[1]
    p = 1 / (1 + np.exp(-(slope * evidence + shift)))
    log_odds = np.expm1(evidence)  # those below 0 count as 0
    ways = {
        "looks taken as independent": 1 / (1 + np.exp(-log_odds)),
        "as it is": np.array([votes.calibrated(one) for one in log_odds]),
        "fitted on the others": p,
    }
    for name, sure in ways.items():
        print(f"calibration error, {name}: {expected_error(bins(sure.tolist(), (right > 0).tolist())):.4f}")
    both = tuple(np.concatenate(parts) for parts in zip(*fitted, strict=True))
    slope, shift = platt(both[0], both[1])
    print(f"fitted on all: SLOPE = {slope:.2f}, SHIFT = {shift:.2f}\n")


def evidence_of(cars: Sequence[Car]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of votes of all numbers of looks: their evidence, and 1 where the plate is right."""
    made = [
        (votes.evidence(votes.log_odds(reads)), votes.vote(reads).plate == car.text)
        for looks in LOOKS
        for car, reads in chosen(cars, looks)
    ]
    table = np.array(made, np.float64)
    return table[:, 0], table[:, 1]


def platt(evidence: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and shift of the greatest likelihood, by Newton's method."""
    x = np.stack((evidence, np.ones_like(evidence)), axis=1)
    weights = np.zeros(2)
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ weights))
        weights += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (right - p))
    return float(weights[0]), float(weights[1])


if __name__ == "__main__":
    main()
