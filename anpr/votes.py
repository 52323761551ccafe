"""The reads of one car → one plate."""

import math
from collections.abc import Sequence

from anpr.types import Candidate, PlateRead, Vote

UNSEEN = 0.02  # what a read gives a text that it did not name: small enough to weigh, too large to veto
OTHERS = 5  # texts that no read names and that are as likely as one named by none: keeps one doubtful look doubtful
LOOKS = 4  # reads of one car share blur, dirt and angle: together they count as this many independent ones at most


def vote(reads: Sequence[PlateRead], *, most: int = 5) -> Vote:
    """Combine reads as independent looks: a text's score is the product of its probabilities in all of them.

    Neither the order of the reads nor repeating all of them changes the winner; the winner is a candidate of some
    read; ties go to the alphabetically first text. Raises ValueError where no read names a text.
    """
    gains: dict[str, list[float]] = {}  # of each text: what each read that names it adds to UNSEEN, as logarithms
    for read in reads:
        for text, probability in {one.text: one.confidence for one in read.candidates if one.text}.items():
            gains.setdefault(text, []).append(math.log(max(probability, UNSEEN) / UNSEEN))
    if not gains:
        raise ValueError("no read names a text")
    weight = min(len(reads), LOOKS) / len(reads)
    odds = {text: math.exp(weight * math.fsum(gain)) for text, gain in gains.items()}
    ranked = sorted(odds, key=lambda text: (-odds[text], text))
    total = math.fsum(odds.values()) + OTHERS
    candidates = tuple(Candidate(text=text, confidence=odds[text] / total) for text in ranked[:most])
    return Vote(
        plate=candidates[0].text,
        confidence=candidates[0].confidence,
        candidates=candidates,
        agreeing=sum(read.text == candidates[0].text for read in reads),
    )


def picture_rank(read: PlateRead, plate: str) -> tuple[bool, float, float, int, int]:
    """How well a read's picture shows the plate, greatest best: it says so, surely, on a wide crop."""
    return read.text == plate, read.confidence, read.box.width, -read.frame_no, -read.plate_no
