from datetime import UTC, datetime, timedelta

from anpr.types import Box, Candidate, PlateOutcome, PlateRead
from cli.report.tracks import Playback, Track, tracks

HOLD_S = 0.2
BEGAN = datetime(2026, 5, 1, tzinfo=UTC)


def a_box(x: float = 0.0) -> Box:
    return Box(x1=x, y1=10.0, x2=x + 100, y2=40.0)


def a_track(*seen: tuple[float, float], event_id: int | None = 1) -> Track:
    """Of (second, x) pairs."""
    return Track(event_id=event_id, times_s=tuple(t for t, _ in seen), boxes=tuple(a_box(x) for _, x in seen))


def a_read(frame_no: int, *, x: float = 0.0, confidence: float = 0.9, plate_no: int = 0) -> PlateRead:
    return PlateRead(
        session_id=1,
        frame_no=frame_no,
        plate_no=plate_no,
        captured_at=BEGAN + timedelta(seconds=0.25 * frame_no),
        box=a_box(x),
        detection_score=0.8,
        outcome=PlateOutcome.READ,
        candidates=(Candidate(text="1A23456", confidence=confidence),),
    )


def test_a_box_moves_evenly_between_two_reads() -> None:
    assert a_track((1.0, 0.0), (1.5, 40.0)).box_at(1.125, hold_s=HOLD_S) == a_box(10.0)


def test_a_read_is_shown_where_it_was() -> None:
    assert a_track((1.0, 0.0), (1.4, 40.0)).box_at(1.4, hold_s=HOLD_S) == a_box(40.0)


def test_a_file_time_that_is_a_hair_early_still_shows_the_read() -> None:
    assert a_track((0.1 + 0.2, 0.0)).box_at(0.3, hold_s=HOLD_S) == a_box()


def test_nothing_is_shown_before_the_first_read() -> None:
    assert a_track((1.0, 0.0)).box_at(0.9, hold_s=HOLD_S) is None


def test_the_last_read_is_held_for_one_sampling_step() -> None:
    track = a_track((1.0, 0.0), (1.2, 20.0))
    assert track.box_at(1.36, hold_s=HOLD_S) == a_box(20.0)
    assert track.box_at(1.4, hold_s=HOLD_S) is None


def test_reads_too_far_apart_are_not_joined() -> None:
    track = a_track((1.0, 0.0), (1.7, 70.0))
    assert track.box_at(1.1, hold_s=HOLD_S) == a_box(0.0)
    assert track.box_at(1.4, hold_s=HOLD_S) is None
    assert track.box_at(1.7, hold_s=HOLD_S) == a_box(70.0)


def test_reads_of_an_event_become_one_track_in_order_of_frames() -> None:
    found = tracks([(a_read(5, x=50.0), 7), (a_read(4, x=40.0), 7)], BEGAN)
    assert found == [a_track((1.0, 40.0), (1.25, 50.0), event_id=7)]


def test_of_two_reads_of_an_event_in_one_frame_the_more_confident_counts() -> None:
    low, high = a_read(4, x=1.0, confidence=0.3), a_read(4, x=2.0, confidence=0.9, plate_no=1)
    want = [a_track((1.0, 2.0), event_id=7)]
    assert tracks([(low, 7), (high, 7)], BEGAN) == want
    assert tracks([(high, 7), (low, 7)], BEGAN) == want


def test_a_plate_without_an_event_stands_alone() -> None:
    found = tracks([(a_read(4), None), (a_read(5), None)], BEGAN)
    assert found == [a_track((1.0, 0.0), event_id=None), a_track((1.25, 0.0), event_id=None)]


def test_playback_shows_what_the_tracks_show() -> None:
    played = [a_track((0.0, 0.0), (0.5, 40.0)), a_track((0.25, 300.0), event_id=2), a_track((2.0, 9.0), event_id=None)]
    playback = Playback(played, hold_s=HOLD_S)
    got = [playback.at(time_s) for time_s in (0.0, 0.375, 0.625, 1.0, 2.125)]
    assert got == [
        [(1, a_box(0.0))],
        [(1, a_box(30.0)), (2, a_box(300.0))],
        [(1, a_box(40.0))],
        [],
        [(None, a_box(9.0))],
    ]
