"""The nouns of the system. Every other package speaks in these.

Pixels are numpy arrays "HxWx3 uint8 BGR"; boxes are in pixels of the full frame; times are aware UTC datetimes.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An upright rectangle in pixels: left, top (inside) to right, bottom (outside); floats, x2 > x1, y2 > y1."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def grown(self, margin: float, *, width_px: int, height_px: int) -> "Box":
        """This box with `margin` × its width (height) added on each side, cut to a width_px × height_px frame."""
        dx, dy = self.width * margin, self.height * margin
        return Box(
            x1=max(0.0, self.x1 - dx),
            y1=max(0.0, self.y1 - dy),
            x2=min(float(width_px), self.x2 + dx),
            y2=min(float(height_px), self.y2 + dy),
        )

    def shifted(self, dx: float, dy: float) -> "Box":
        return Box(x1=self.x1 + dx, y1=self.y1 + dy, x2=self.x2 + dx, y2=self.y2 + dy)

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0..1 (Jaccard index)."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        if width <= 0 or height <= 0:
            return 0.0
        both = width * height
        return both / (self.width * self.height + other.width * other.height - both)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One plate that the detector found in a frame."""

    box: Box
    score: float  # 0..1
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One possible text of a plate (A-Z and 0-9 alone) with its probability, 0..1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A country (ISO 3166-1 alpha-2) that a plate may be of, with its probability, 0..1."""

    country: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader makes of one crop: candidates, most probable first; none where it could read nothing."""

    candidates: tuple[Candidate, ...]
    regions: tuple[Region, ...] = ()  # most probable first; none where the reader does not say

    @property
    def text(self) -> str:
        return self.candidates[0].text if self.candidates else ""

    @property
    def confidence(self) -> float:
        return self.candidates[0].confidence if self.candidates else 0.0


class FrameOutcome(StrEnum):
    """Where a sampled frame ended; each ends in exactly one."""

    NO_PLATE = "no_plate"
    READ = "read"  # it held plates; each of them has a PlateOutcome
    SHED = "shed"  # dropped by back-pressure, live sources only
    EXPIRED = "expired"  # its pixels left Redis before a worker came to it
    FAILED = "failed"  # the detector could not work on it


class PlateOutcome(StrEnum):
    """Where a detected plate ended; each ends in exactly one."""

    READ = "read"
    TOO_SMALL = "too_small"
    UNREADABLE = "unreadable"
    EXPIRED = "expired"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateRead:
    """One look at one plate. (session_id, frame_no, plate_no) is its identity."""

    session_id: int
    frame_no: int  # counts the sampled frames of its session from 0
    plate_no: int  # counts the plates of its frame from 0
    captured_at: datetime
    box: Box
    detection_score: float
    outcome: PlateOutcome
    candidates: tuple[Candidate, ...] = ()
    regions: tuple[Region, ...] = ()  # as its reader says; most probable first

    @property
    def text(self) -> str:
        return self.candidates[0].text if self.candidates else ""

    @property
    def confidence(self) -> float:
        return self.candidates[0].confidence if self.candidates else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The plate that all reads of one car make together."""

    plate: str
    confidence: float
    candidates: tuple[Candidate, ...]  # most probable first, the plate included
    agreeing: int  # reads whose best text is the plate


EventState = Literal["open", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateEvent:
    """One car passing one camera."""

    id: int
    session_id: int
    camera: str
    plate: str
    confidence: float
    candidates: tuple[Candidate, ...]
    reads: int
    agreeing: int
    first_seen: datetime
    last_seen: datetime
    toll_country: str
    state: EventState
    revision: int  # grows each time its reads change, or people correct its plate
    regions: tuple[Region, ...] = ()  # countries its plate may be of, likeliest first; "" is one that we do not know
    corrected_plate: str | None = None  # what somebody who looked at it says the plate is

    @property
    def judged_plate(self) -> str:
        """The plate it is judged by: people's word counts before the vote."""
        return self.plate if self.corrected_plate is None else self.corrected_plate


@dataclass(frozen=True, slots=True, kw_only=True)
class Vignette:
    """The right of a plate to use a country's roads in [valid_from, valid_to)."""

    id: int
    toll_country: str  # ISO 3166-1 alpha-2
    plate: str
    plate_country: str  # "" where the list does not say
    kind: str  # "1-day", "10-day", "30-day", "year", ..., "exempt"
    valid_from: datetime
    valid_to: datetime
    vehicle_category: str = ""  # as the list names it; "" where it does not
    bought_at: datetime | None = None  # None where the list does not say
    source: str = ""  # who sold or granted it, where the list says


class VerdictStatus(StrEnum):
    """The answer to: was the vignette valid here at this moment?"""

    VALID = "VALID"
    EXEMPT = "EXEMPT"
    NOT_LIABLE = "NOT_LIABLE"
    GRACE = "GRACE"
    AMBIGUOUS = "AMBIGUOUS"
    UNREADABLE = "UNREADABLE"
    REGISTRY_UNKNOWN = "REGISTRY_UNKNOWN"
    SUSPECT = "SUSPECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A status with what it was judged on."""

    status: VerdictStatus
    reason: str  # one sentence
    readings_tried: tuple[str, ...]
    vignette_id: int | None
    snapshot_id: int | None  # the registry snapshot that was asked
    rules_version: str
    judge_again_at: datetime | None = None  # provisional until then: a period of grace still runs
