"""Events, votes and verdicts on simulated cars that are known.

    PYTHONPATH=tests .venv/bin/python tests/benchmarks/simulator.py [--passings N] [--more N] [--cars N] [--out DIR]

Cars carry plates as they are seen on a Czech road; their reads err as those of the shipped reader do, see
tests/simulated.py. Prints

- events a car: boxes move, every third car has another beside it, reads come out of order and some of them twice;
- exact plates of the vote and of the surest read;
- of passings, 95 % of them paid: false SUSPECTs a million paid passings, and the share of unpaid ones that are SUSPECT,
  for each least confidence and number of looks. `--more` adds paid passings at three looks, as false ones are rare.

What the vignette list holds besides: any text is in it by chance, as often as its country's grammar and the numbers in
PAID make it. `--out` gets suspects.csv and suspects.png.
"""

import argparse
import csv
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, cycle
from pathlib import Path

import numpy as np
from builders import NOON, a_box, a_vignette, an_event
from render_cars import MIXTURE, TWO_LINE
from rich.console import Console
from rich.table import Table
from simulated import Look, Reader, looks, measured

from anpr import events, votes
from anpr.grammar import matches
from anpr.types import Box, PlateEvent, PlateOutcome, PlateRead, VerdictStatus
from anpr.vignettes import JudgeRules, Snapshot, is_readable, judge, readings
from models.render import formats
from models.render.countries import COUNTRIES

LOOKS = (1, 2, 3, 5, 10)
THRESHOLDS = (0.9, 0.94, 0.95, 0.96, 0.965, 0.97, 0.975, 0.98, 0.985, 0.99)
UNPAID = 0.05
PAID = dict.fromkeys(MIXTURE, 100_000) | {"CZ": 2_500_000}  # vignettes in force by country of the plate
SNAPSHOT = Snapshot(id=1, toll_country="CZ", as_of=NOON + timedelta(hours=1))
EVERYTHING = JudgeRules(suspect_confidence=0.0, suspect_agreeing=1, readable_confidence=0.0)
FPS = 5
FLEET = 20_000
AGREEING = JudgeRules().suspect_agreeing


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--passings", type=int, default=100_000, help="a number of looks")
    options.add_argument("--more", type=int, default=900_000, help="paid passings more, at three looks")
    options.add_argument("--cars", type=int, default=2000, help="for events and votes")
    options.add_argument("--out", type=Path)
    chosen = options.parse_args()
    reader = measured()
    grouping(reader, chosen.cars)
    voting(reader, chosen.cars)
    judging(reader, chosen.passings, chosen.more, chosen.out)


def plates(seed: int) -> Iterator[str]:
    """Texts without end; after FLEET of them the same cars pass again."""
    rng = np.random.default_rng(seed)
    return cycle([formats.draw(rng, COUNTRIES, mixture=MIXTURE, two_line=TWO_LINE).text for _ in range(FLEET)])


def a_read(look: Look, *, frame_no: int, plate_no: int = 0, box: Box | None = None) -> PlateRead:
    return PlateRead(
        session_id=1,
        frame_no=frame_no,
        plate_no=plate_no,
        captured_at=NOON + timedelta(seconds=frame_no / FPS),
        box=box or a_box(),
        detection_score=0.9,
        outcome=PlateOutcome.READ,
        candidates=look.candidates(),
    )


def grouping(reader: Reader, cars: int) -> None:
    """One car after another, 2 to 8 s apart, with 1 to 10 looks; the reads of half a minute in any order."""
    rng, texts = random.Random(1), plates(1)
    delivered: list[tuple[float, PlateRead]] = []
    frame, made = 0, 0
    while made < cars:
        number, beside = rng.randint(1, 10), made % 3 == 0
        for plate_no in range(1 + beside):
            made += 1
            for step, look in enumerate(looks(reader, next(texts), number, rng)):
                width = 60 * 1.08**step
                box = a_box(x=300 + 350 * plate_no - 12 * step + rng.gauss(0, 3), y=200 + 15 * step, width=width)
                read = a_read(look, frame_no=frame + step, plate_no=plate_no, box=box)
                if read.candidates:
                    for _ in range(1 + (rng.random() < 0.1)):  # delivered twice
                        delivered.append(((frame + step) // 150 + rng.random(), read))
        frame += number + rng.randint(10, 40)
    found = joined(grouped([read for _, read in sorted(delivered, key=lambda pair: pair[0])]))
    print(f"{made} cars, {len(delivered)} reads delivered: {found} events, {found / made:.4f} a car", flush=True)


def joined(found: Sequence[Sequence[PlateRead]]) -> int:
    """How many events are left when unreadable looks have joined the car in their place."""
    rules = events.GroupingRules()
    readable: list[tuple[PlateRead, int]] = []
    doubtful: list[Sequence[PlateRead]] = []
    for number, reads in enumerate(found):
        vote = votes.vote(reads)
        if is_readable(vote.plate, vote.confidence, JudgeRules()):
            readable += [(read, number) for read in reads]
        else:
            doubtful.append(reads)
    alone = sum(events.car_of(reads, _near(readable, reads), rules) is None for reads in doubtful)
    return len({number for _, number in readable}) + alone


def _near(placed: Sequence[tuple[PlateRead, int]], reads: Sequence[PlateRead]) -> list[tuple[PlateRead, int]]:
    first, last = min(read.frame_no for read in reads), max(read.frame_no for read in reads)
    return [(read, number) for read, number in placed if first - 5 <= read.frame_no <= last + 5]


def grouped(delivered: Sequence[PlateRead]) -> list[list[PlateRead]]:
    """The reads of each event, grouped eight at a time as a worker does."""
    rules = events.GroupingRules()
    event_of: dict[events.ReadKey, int] = {}
    kept: dict[events.ReadKey, PlateRead] = {}
    fresh = count()
    for first in range(0, len(delivered), 8):
        new = {(read.frame_no, read.plate_no): read for read in delivered[first : first + 8]}
        new = {key: read for key, read in new.items() if key not in kept}
        near = [
            (read, event_of[key])
            for key, read in kept.items()
            if any(abs(key[0] - other[0]) <= rules.gap_s * FPS for other in new)
        ]
        for found in events.group(list(new.values()), near, rules):
            event = min(found.event_ids, default=next(fresh))
            event_of = {key: event if old in found.event_ids else old for key, old in event_of.items()}
            event_of |= {(read.frame_no, read.plate_no): event for read in found.reads}
        kept |= new
    return [[kept[key] for key, one in event_of.items() if one == event] for event in sorted(set(event_of.values()))]


def voting(reader: Reader, cars: int) -> None:
    table = Table("looks", "surest read", "vote", "sure at a mean of", "error of that", title="exact plates")
    for number in (*range(1, 11),):
        rng, texts = random.Random(number), plates(number)
        single, vote, sure = 0, 0, 0.0
        for _ in range(cars):
            text = next(texts)
            reads = some_reads(looks(reader, text, number, rng))
            found = votes.vote(reads)
            single += max(reads, key=lambda read: (read.confidence, read.text)).text == text
            vote += found.plate == text
            sure += found.confidence
        gap = abs(sure - vote) / cars
        table.add_row(f"{number}", f"{single / cars:.4f}", f"{vote / cars:.4f}", f"{sure / cars:.4f}", f"{gap:.4f}")
    Console().print(table)


def some_reads(found: Iterator[Look] | Sequence[Look]) -> list[PlateRead]:
    return [a_read(look, frame_no=number) for number, look in enumerate(found)]


@dataclass(frozen=True, slots=True)
class Passings:
    """At a number of looks: confidences of those that would be SUSPECT if confidence did not count."""

    looks: int
    paid: int
    unpaid: int
    false: list[float]
    caught: list[float]
    paid_alike: int  # unpaid, but what the plate may also be is paid

    def at(self, threshold: float) -> tuple[float, float, float]:
        """False ones a million, the upper bound of that (95 %, Poisson), and the share of unpaid ones found."""
        false = sum(p >= threshold for p in self.false)
        caught = sum(p >= threshold for p in self.caught)
        return 1e6 * false / self.paid, 1e6 * upper(false) / self.paid, caught / max(1, self.unpaid)


def upper(count: int) -> float:
    """The mean of the Poisson distribution of which 2.5 % (of none: 5 %) is at most `count`, by bisection."""
    tail = 0.05 if count == 0 else 0.025
    low, high = float(count), count + 10 + 5 * math.sqrt(count)
    for _ in range(60):
        mean = (low + high) / 2
        log_terms = [n * math.log(mean) - mean - math.lgamma(n + 1) for n in range(count + 1)]
        low, high = (mean, high) if math.fsum(map(math.exp, log_terms)) > tail else (low, mean)
    return high


def judging(reader: Reader, passings: int, more: int, out: Path | None) -> None:
    found = []
    for number in LOOKS:
        unpaid = round(passings * UNPAID)
        found.append(passed(reader, number, passings - unpaid + (more if number == 3 else 0), unpaid))
        one = found[-1]
        print(f"{number} looks: {one.unpaid} unpaid, of {one.paid_alike / one.unpaid:.3f} something alike is paid")
    table = Table(title="false SUSPECTs a million paid passings (upper bound); unpaid found")
    for name in ("sure", *(f"{one.looks} looks" for one in found)):
        table.add_column(name)
    for threshold in THRESHOLDS:
        cells = [one.at(threshold) for one in found]
        table.add_row(f"{threshold:.3f}", *(f"{false:.1f} ({most:.1f}); {share:.3f}" for false, most, share in cells))
    Console(width=140).print(table)
    if out is not None:
        write(out, found)


def passed(reader: Reader, number: int, paid: int, unpaid: int) -> Passings:
    """Only cars of which two looks agree on a wrong text can be SUSPECT although they are paid: the others are not
    spelled out."""
    rng, texts = random.Random(f"passings {number}"), plates(1000 + number)
    false: list[float] = []
    for _ in range(paid):
        text = next(texts)
        found = list(looks(reader, text, number, rng))
        wrong = [look for look in found if look.pattern.is_wrong]
        if len(wrong) >= AGREEING and len({look.text for look in wrong}) < len(wrong):
            event = voted(found)
            if text not in readings(event, EVERYTHING) and would_be_suspect(event):
                false.append(event.confidence)
    caught: list[float] = []
    alike = 0
    for _ in range(unpaid):
        event = voted(list(looks(reader, next(texts), number, rng)))
        if event.agreeing >= AGREEING:
            is_suspect = would_be_suspect(event)
            caught += [event.confidence] if is_suspect else []
            alike += not is_suspect
    return Passings(number, paid, unpaid, false, caught, alike)


def voted(found: Sequence[Look]) -> PlateEvent:
    reads = some_reads(found)
    vote = votes.vote(reads)
    return an_event(vote.plate, confidence=vote.confidence, agreeing=vote.agreeing, candidates=vote.candidates)


def would_be_suspect(event: PlateEvent) -> bool:
    """Whether a car that is in no list itself would be, did it not count how sure the plate is."""
    if event.agreeing < AGREEING:
        return False
    known = [a_vignette(text) for text in readings(event, EVERYTHING) if is_in_list(text)]
    later = NOON + timedelta(hours=1)
    verdict = judge(event, known, snapshot=SNAPSHOT, rules=EVERYTHING, now=later)
    return verdict.status is VerdictStatus.SUSPECT


def is_in_list(text: str) -> bool:
    """Whether some other car with this plate has a vignette: always the same answer for a text."""
    expected = math.fsum(PAID.get(match.country, 0) * match.density for match in matches(text))
    return expected > 0 and random.Random(text).random() < 1 - math.exp(-expected)


def write(out: Path, found: Sequence[Passings]) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415 (the figures alone need no extra)

    out.mkdir(parents=True, exist_ok=True)
    with (out / "suspects.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("looks", "threshold", "false_per_million", "false_per_million_at_most", "unpaid_found"))
        table.writerows((one.looks, threshold, *one.at(threshold)) for one in found for threshold in THRESHOLDS)
    figure = Figure(figsize=(7, 5))
    axes = figure.subplots()
    for one in found:
        points = [one.at(threshold) for threshold in THRESHOLDS]
        axes.plot([most for _, most, _ in points], [share for _, _, share in points], "o-", label=f"{one.looks} looks")
    axes.set_xscale("log")
    axes.set_xlabel("false SUSPECTs a million paid passings, upper bound (95 %)")
    axes.set_ylabel("share of unpaid passings that are SUSPECT")
    axes.legend()
    figure.savefig(out / "suspects.png", dpi=120)


if __name__ == "__main__":
    main()
