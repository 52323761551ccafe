from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clock import FileClock, LiveClock, Pace

STAMPS = st.lists(st.one_of(st.none(), st.floats(-1e5, 1e5)), max_size=60)


def test_file_time_starts_at_the_first_frame():
    clock = FileClock(frame_s=0.04)
    assert [clock.at(s) for s in (7.0, 7.04, 7.5)] == pytest.approx([0, 0.04, 0.5])


def test_frames_without_a_stamp_follow_at_the_nominal_rate():
    clock = FileClock(frame_s=0.04)
    assert [clock.at(s) for s in (None, None, 3.0, None)] == pytest.approx([0, 0.04, 0.08, 0.12])


def test_stamps_that_start_anew_go_on_from_where_they_were():
    clock = FileClock(frame_s=0.04)
    assert [clock.at(s) for s in (0.0, 9.0, 0.0, 0.04)] == pytest.approx([0, 9.0, 9.04, 9.08])


@given(STAMPS)
def test_file_time_never_goes_backwards(stamps):
    clock = FileClock(frame_s=0.04)
    times_s = [clock.at(s) for s in stamps]
    assert times_s == sorted(times_s)


@given(STAMPS, st.lists(st.floats(0, 3), min_size=60, max_size=60))
def test_live_time_never_goes_backwards_nor_beyond_the_arrival(stamps, waits_s):
    clock, now_s = LiveClock(), 0.0
    times_s = []
    for stamp_s, wait_s in zip(stamps, waits_s, strict=False):
        now_s += wait_s
        times_s.append(clock.at(stamp_s, arrived_s=now_s))
        assert times_s[-1] <= now_s + 1e-6
    assert times_s == sorted(times_s)


def test_live_time_is_as_even_as_the_stamps_where_the_network_is_not():
    clock = LiveClock()
    delays_s = [0.0, 0.15, 0.02, 0.18, 0.0, 0.1, 0.05] * 30
    times_s = [clock.at(n / 25, arrived_s=1000 + n / 25 + delay_s) for n, delay_s in enumerate(delays_s)]
    steps_s = [b - a for a, b in pairwise(times_s)]
    assert max(steps_s) < 0.05
    assert min(steps_s) > 0.03


def test_live_time_follows_the_wall_clock_where_the_camera_runs_slow():
    clock = LiveClock()
    times_s = [clock.at(0.99 * n / 25, arrived_s=n / 25) for n in range(25 * 600)]
    assert times_s[-1] == pytest.approx(599.96, abs=0.1)


def test_frames_that_come_seconds_at_a_time_are_given_out_one_by_one():
    pace = Pace()
    assert [pace.wait_s(n / 25, now_s=50.0) for n in range(4)] == pytest.approx([0, 0.04, 0.08, 0.12])


def test_a_late_segment_is_given_out_at_once_and_the_pace_starts_anew():
    pace = Pace()
    assert [pace.wait_s(s, now_s=now_s) for s, now_s in ((0.0, 50.0), (1.0, 60.0), (1.04, 60.0))] == pytest.approx(
        [0, 0, 0.04]
    )
