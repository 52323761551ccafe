"""Builders of the vocabulary's values: say what matters to the test, the rest is ordinary."""

from datetime import UTC, datetime, timedelta

from anpr.types import Box, Candidate, PlateEvent, PlateOutcome, PlateRead, Vignette

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def a_box(*, x: float = 100, y: float = 100, width: float = 100, height: float = 25) -> Box:
    return Box(x1=x, y1=y, x2=x + width, y2=y + height)


def a_read(
    plate: str = "1A23456",
    *,
    confidence: float = 0.9,
    frame_no: int = 0,
    plate_no: int = 0,
    at_s: float | None = None,
    box: Box | None = None,
    candidates: tuple[Candidate, ...] | None = None,
) -> PlateRead:
    seconds = frame_no / 5 if at_s is None else at_s
    return PlateRead(
        session_id=1,
        frame_no=frame_no,
        plate_no=plate_no,
        captured_at=NOON + timedelta(seconds=seconds),
        box=box or a_box(),
        detection_score=0.8,
        outcome=PlateOutcome.READ,
        candidates=candidates or (Candidate(text=plate, confidence=confidence),),
    )


def an_event(
    plate: str = "1A23456",
    *,
    confidence: float = 0.99,
    agreeing: int = 5,
    candidates: tuple[Candidate, ...] | None = None,
    toll_country: str = "CZ",
    first_seen: datetime = NOON,
) -> PlateEvent:
    return PlateEvent(
        id=1,
        session_id=1,
        camera="gate",
        plate=plate,
        confidence=confidence,
        candidates=candidates or (Candidate(text=plate, confidence=confidence),),
        reads=agreeing,
        agreeing=agreeing,
        first_seen=first_seen,
        last_seen=first_seen + timedelta(seconds=2),
        toll_country=toll_country,
        state="closed",
        revision=2,
    )


def a_vignette(
    plate: str = "1A23456",
    *,
    kind: str = "year",
    valid_from: datetime = NOON - timedelta(days=30),
    valid_to: datetime = NOON + timedelta(days=30),
    number: int = 1,
) -> Vignette:
    return Vignette(
        id=number,
        toll_country="CZ",
        plate=plate,
        plate_country="CZ",
        kind=kind,
        valid_from=valid_from,
        valid_to=valid_to,
    )
