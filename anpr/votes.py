"""The reads of one car → one plate."""

import math
from collections.abc import Mapping, Sequence

from anpr.ranking import factors
from anpr.types import Candidate, PlateRead, Vote

UNSEEN = 0.02  # what a read gives a text that it did not name: small enough to weigh, too large to veto
OTHERS = 5  # texts that no read names and that are as likely as one named by none: keeps one doubtful look doubtful

# Logistic regression (Platt, 1999) of "the plate is right" on the logarithm of the vote's log-odds: looks at one car
# share dirt and angle, so each further one says less. Fitted by tests/benchmarks/votes.py. Votes that are unsure even
# as independent looks are not made surer: in clips they are rather of far cars and things that are no plates.
SLOPE = 1.34
SHIFT = 0.79


def vote(reads: Sequence[PlateRead], *, most: int = 5) -> Vote:
    """Combine reads as independent looks: a text's odds are the product of its probabilities in all of them.

    How common plates of its form are weighs in, but a winner that is plausible as it was read stays the winner. Neither
    the order of the reads nor the same read given twice changes anything; the winner is a candidate of some read; a
    read that agrees never lowers the confidence; two reads that are at least 15 % sure of one plate (three of a text
    that is no plausible plate) are never outvoted by a single other read. Ties go to the alphabetically first text.
    Raises ValueError where no read names a text.
    """
    own = _own(reads)
    scores, weights = _scores(own)
    ranked = sorted(scores, key=lambda text: (-scores[text], text))
    candidates = _candidates(ranked, scores, weights)
    return Vote(
        plate=ranked[0],
        confidence=candidates[0].confidence,
        candidates=candidates[:most],
        agreeing=sum(read.text == ranked[0] for read in own),
    )


def log_odds(reads: Sequence[PlateRead]) -> float:
    """Of the vote's plate against all else, as if looks were independent: what the calibration starts from."""
    scores, weights = _scores(_own(reads))
    return _against(sorted(scores, key=lambda text: (-scores[text], text)), scores, weights)


def _own(reads: Sequence[PlateRead]) -> list[PlateRead]:
    """Each read once."""
    return list({(read.session_id, read.frame_no, read.plate_no): read for read in reads}.values())


def _scores(reads: Sequence[PlateRead]) -> tuple[dict[str, float], dict[str, float]]:
    """The logarithm of each text's odds, grammar included, and what the grammar leaves of it."""
    gains = _gains(reads)
    if not gains:
        raise ValueError("no read names a text")
    weights = factors(gains, first=min(gains, key=lambda text: (-gains[text], text)))
    return {text: gain + math.log(weights[text]) for text, gain in gains.items()}, weights


def _gains(reads: Sequence[PlateRead]) -> dict[str, float]:
    """Of each text that is named: the logarithm of its odds beside a text that is not, 0 or more."""
    found: dict[str, list[float]] = {}
    for read in reads:
        for text, probability in {one.text: one.confidence for one in read.candidates if one.text}.items():
            found.setdefault(text, []).append(math.log(max(probability, UNSEEN) / UNSEEN))
    return {text: math.fsum(parts) for text, parts in found.items()}


def _against(ranked: Sequence[str], scores: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Log-odds of the first text.

    A rival counts with what reads gave it beyond an unnamed one's odds: being named at last takes from no other.
    """
    top = scores[ranked[0]]
    rivals = [math.exp(scores[text] - top) - weights[text] * math.exp(-top) for text in ranked[1:]]
    return -math.log(math.fsum([*rivals, OTHERS * math.exp(-top)]))


def _candidates(
    ranked: Sequence[str], scores: Mapping[str, float], weights: Mapping[str, float]
) -> tuple[Candidate, ...]:
    """With probabilities: the first's calibrated, what is left shared by the others and by what no read names."""
    confidence = calibrated(_against(ranked, scores, weights))
    top = scores[ranked[0]]
    odds = [math.exp(scores[text] - top) for text in ranked[1:]]
    rest = math.fsum([*odds, OTHERS * math.exp(-top)])
    left = [min(confidence, (1 - confidence) * one / rest) for one in odds]
    return tuple(Candidate(text=text, confidence=p) for text, p in zip(ranked, [confidence, *left], strict=True))


def calibrated(log_odds: float) -> float:
    """How often a vote of such log-odds is right, 0..1; grows with them, and is never surer than they are."""
    return min(_logistic(log_odds), _logistic(SLOPE * evidence(log_odds) + SHIFT))


def evidence(log_odds: float) -> float:
    """What the calibration is linear in: the logarithm of the log-odds (of 1 more)."""
    return math.log1p(max(0.0, log_odds))


def _logistic(log_odds: float) -> float:
    return 1 / (1 + math.exp(-max(-700.0, log_odds)))


def picture_rank(read: PlateRead, plate: str) -> tuple[bool, float, float, int, int]:
    """How well a read's picture shows the plate, greatest best: it says so, surely, on a wide crop."""
    return read.text == plate, read.confidence, read.box.width, -read.frame_no, -read.plate_no
