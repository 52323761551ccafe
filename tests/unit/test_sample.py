import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr.errors import BadInput
from ingest.sample import MotionGate, RegionOfInterest, Sampler


def kept(sampler: Sampler, times_s: list[float]) -> list[float]:
    return [time_s for time_s in times_s if sampler.keep(time_s)]


def test_five_of_25_frames_a_second_are_kept_evenly():
    times_s = [n / 25 for n in range(50)]
    assert kept(Sampler(5), times_s) == [n / 5 for n in range(10)]


def test_the_grid_does_not_drift_where_rates_do_not_divide():
    times_s = [n / 30 for n in range(30 * 600)]
    assert len(kept(Sampler(7), times_s)) == 7 * 600


@pytest.mark.parametrize("fps", [None, 25.0, 60.0])
def test_a_rate_of_none_or_above_the_source_keeps_every_frame(fps):
    times_s = [100 + n / 25 for n in range(100)]
    assert kept(Sampler(fps), times_s) == times_s


def test_jitter_of_a_fifth_of_a_step_costs_no_frame():
    jitter_s = np.random.default_rng(7).uniform(-0.02, 0.02, 500)
    times_s = [n / 10 + float(jitter_s[n]) for n in range(1, 500)]
    assert len(kept(Sampler(10), times_s)) == 499


def test_after_a_gap_sampling_goes_on_without_catching_up():
    times_s = [0.0, 0.1, 0.2, 5.0, 5.1, 5.2]
    assert kept(Sampler(5), times_s) == [0.0, 0.2, 5.0, 5.2]


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=200), st.floats(0.5, 40))
def test_no_slot_of_the_grid_is_used_twice(steps_s, fps):
    times_s = np.cumsum(steps_s).tolist()
    assert len(kept(Sampler(fps), times_s)) <= (times_s[-1] - times_s[0]) * fps + 1.5 + 1e-6


@pytest.mark.parametrize("fps", [0, -1, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(fps):
    with pytest.raises(ValueError, match="above 0"):
        Sampler(fps)


def a_scene(square_at: int | None = None, *, light: int = 0) -> np.ndarray:
    """A noisy HxW uint8 thumbnail, with a bright square 6 pixels wide."""
    grey = np.random.default_rng(3).integers(60, 66, (36, 64)).astype(np.uint8) + np.uint8(light)
    if square_at is not None:
        grey[20:26, square_at : square_at + 6] = 200
    return grey


def a_gate() -> MotionGate:
    """One that has seen an empty scene until second 10."""
    gate = MotionGate(threshold=0.01, hold_s=2)
    for second in range(11):
        gate.is_open(a_scene(), second)
    return gate


def test_the_gate_is_shut_while_nothing_moves():
    assert not a_gate().is_open(a_scene(), 11)


def test_the_gate_opens_for_a_car_and_stays_open_for_the_hold():
    gate = a_gate()
    assert gate.is_open(a_scene(square_at=10), 11.0)
    assert [gate.is_open(a_scene(), 11.04 + s) for s in (0, 1.0, 1.9, 2.1)] == [True, True, True, False]


def test_a_change_of_light_does_not_open_the_gate():
    assert not a_gate().is_open(a_scene(light=40), 11)


def test_a_car_that_stays_becomes_background():
    gate = a_gate()
    opened = [gate.is_open(a_scene(square_at=10), 11 + n / 5) for n in range(200)]
    assert opened[0]
    assert not opened[-1]


def test_the_first_frame_passes_since_nothing_is_known():
    assert MotionGate(threshold=0.5, hold_s=0).is_open(a_scene(), 0)


TRIANGLE = [(0.25, 0.5), (0.75, 0.5), (0.5, 1.0)]


def test_a_region_is_cropped_to_the_rectangle_round_its_polygons():
    region = RegionOfInterest([TRIANGLE, [(0.8, 0.0), (0.9, 0.0), (0.9, 0.1)]])
    assert region.rectangle(width_px=200, height_px=100) == (50, 0, 180, 100)
    assert region.crop(np.zeros((100, 200, 3), np.uint8)).shape == (100, 130, 3)


def test_no_region_is_the_whole_picture():
    region = RegionOfInterest()
    assert region.rectangle(width_px=1920, height_px=1080) == (0, 0, 1920, 1080)
    assert region.contains((0.0, 1.0))


@pytest.mark.parametrize(("point", "inside"), [((0.5, 0.7), True), ((0.25, 0.5), True), ((0.3, 0.9), False)])
def test_a_point_counts_by_the_polygon_and_not_by_its_rectangle(point, inside):
    assert RegionOfInterest([TRIANGLE]).contains(point) is inside


@pytest.mark.parametrize(
    ("polygon", "complaint"),
    [
        ([(0, 0), (1, 1)], "has 2 points"),
        ([(0, 0), (1, 0), (1, 1.2)], "outside the picture"),
        ([(0, 0), (0.5, 0.5), (1, 1)], "no area"),
    ],
)
def test_an_impossible_region_is_refused_with_its_number(polygon, complaint):
    with pytest.raises(BadInput, match=f"region 2.*{complaint}"):
        RegionOfInterest([TRIANGLE, polygon])
