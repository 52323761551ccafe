"""A reader on labelled crops: plates and characters right, by kind of plate, and what its confidence is worth."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from anpr.ranking import rank
from anpr.types import Reading
from models.evaluate.alignment import confusions, edits
from models.evaluate.calibration import Bin, bins, expected_error
from models.evaluate.crops import LabelledCrop
from models.evaluate.latency import Latency, latency, timed
from models.evaluate.truth import picture
from models.reader import Reader

HEIGHTS_PX = (0, 16, 24, 32, 48, 64, 96)  # of a crop, margin included; each up to the next
COMMONEST = 12  # confusions that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a reader made of one crop."""

    crop: LabelledCrop
    height_px: int
    reading: Reading
    took_ms: float

    @property
    def is_exact(self) -> bool:
        return self.reading.text == self.crop.text

    @property
    def ranked(self) -> str:
        """The plate that the grammars of countries make of the candidates, as a vote does; "" without any."""
        candidates = rank(self.reading.candidates)
        return candidates[0].text if candidates else ""

    @property
    def is_candidate(self) -> bool:
        return any(one.text == self.crop.text for one in self.reading.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Crops of one kind, such as `by` "country" and `kind` "RO"; shares are 0..1."""

    by: str
    kind: str
    crops: int
    exact: float  # plates read without a fault
    ranked: float  # the same, after the grammars of countries ranked the candidates
    among_candidates: float  # plates of which one candidate is right
    characters: float  # 1 − edits / characters of the truth
    ranked_characters: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """`truth` read as `read`, one of them "" where a character was made up or dropped."""

    truth: str
    read: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderFigures:
    name: str
    crops: int
    exact: float
    ranked: float
    among_candidates: float
    characters: float
    ranked_characters: float
    unread: int  # crops without any candidate; calibration leaves them out
    groups: tuple[Group, ...]
    calibration_error: float | None
    calibration: tuple[Bin, ...]
    confusions: tuple[Confusion, ...]  # the commonest first
    latency: Latency  # decoding of the picture not included


def read_all(reader: Reader, crops: Iterable[LabelledCrop]) -> list[Read]:
    """One crop at a time, as its latency wants. Raises BadInput where a picture cannot be read."""
    reads: list[Read] = []
    for crop in crops:
        image = picture(crop.path)
        if not reads:
            reader.read([image])  # the first pass of a network is slower
        (reading,), took_ms = timed(lambda image=image: reader.read([image]))
        reads.append(Read(crop=crop, height_px=image.shape[0], reading=reading, took_ms=took_ms))
    return reads


def measured(name: str, reads: Sequence[Read]) -> ReaderFigures:
    """The figures of at least one read."""
    whole = _group("", "", reads)
    answered = [one for one in reads if one.reading.candidates]
    made = bins([one.reading.confidence for one in answered], [one.is_exact for one in answered])
    wrong = [
        Confusion(truth=truth, read=read, count=count)
        for (truth, read), count in confusions((one.crop.text, one.reading.text) for one in reads).most_common()
        if truth != read
    ]
    return ReaderFigures(
        name=name,
        crops=whole.crops,
        exact=whole.exact,
        ranked=whole.ranked,
        among_candidates=whole.among_candidates,
        characters=whole.characters,
        ranked_characters=whole.ranked_characters,
        unread=len(reads) - len(answered),
        groups=tuple(_groups(reads)),
        calibration_error=expected_error(made),
        calibration=tuple(made),
        confusions=tuple(wrong[:COMMONEST]),
        latency=latency([one.took_ms for one in reads]),
    )


def worst(reads: Sequence[Read]) -> list[Read]:
    """The wrong readings, the surest first: those are what a car's owner would be accused on; the unread last."""
    return sorted((one for one in reads if not one.is_exact), key=lambda one: (-one.reading.confidence, one.crop.path))


def height_range(height_px: int) -> str:
    """The range of HEIGHTS_PX that a height lies in, such as "24–31 px"."""
    low = max(start for start in HEIGHTS_PX if start <= height_px)
    higher = [start for start in HEIGHTS_PX if start > low]
    return f"{low}–{higher[0] - 1} px" if higher else f"{low} px and more"


def _groups(reads: Sequence[Read]) -> list[Group]:
    kinds: dict[str, Callable[[Read], str]] = {
        "country": lambda one: one.crop.country or "unknown",
        "height": lambda one: height_range(one.height_px),
        "lines": lambda one: str(one.crop.lines),
        "hard": lambda one: "yes" if one.crop.is_hard else "no",
    }
    made: list[Group] = []
    for by, kind_of in kinds.items():
        parts: dict[str, list[Read]] = defaultdict(list)
        for one in sorted(reads, key=lambda one: one.height_px):
            parts[kind_of(one)].append(one)
        ordered = list(parts) if by == "height" else sorted(parts, key=lambda kind: (-len(parts[kind]), kind))
        made += [_group(by, kind, parts[kind]) for kind in ordered]
    return made


def _group(by: str, kind: str, reads: Sequence[Read]) -> Group:
    characters = sum(len(one.crop.text) for one in reads)
    ranked = [(one.crop.text, one.ranked) for one in reads]
    return Group(
        by=by,
        kind=kind,
        crops=len(reads),
        exact=sum(one.is_exact for one in reads) / len(reads),
        ranked=sum(truth == plate for truth, plate in ranked) / len(reads),
        among_candidates=sum(one.is_candidate for one in reads) / len(reads),
        characters=1 - sum(edits(one.crop.text, one.reading.text) for one in reads) / characters,
        ranked_characters=1 - sum(edits(*pair) for pair in ranked) / characters,
    )
