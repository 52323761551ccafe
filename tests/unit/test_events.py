from datetime import timedelta

from builders import NOON, a_box, a_read
from hypothesis import given
from hypothesis import strategies as st

from anpr.events import GroupingRules, car_of, group, same_car
from anpr.types import PlateRead

RULES = GroupingRules()

READS = st.lists(
    st.builds(
        a_read,
        st.sampled_from(["1A23456", "1A2345G", "MKT4173", "NKT4173", "KR4E713"]),
        frame_no=st.integers(0, 60),
        plate_no=st.integers(0, 1),
        box=st.builds(a_box, x=st.floats(0, 900), y=st.floats(0, 500)),
    ),
    max_size=12,
    unique_by=lambda read: (read.frame_no, read.plate_no),
)


def cars(reads: list[PlateRead]) -> set[frozenset[tuple[int, int]]]:
    return {frozenset((one.frame_no, one.plate_no) for one in found.reads) for found in group(reads, [], RULES)}


@given(READS, st.randoms())
def test_the_order_of_reads_does_not_change_the_cars(reads: list[PlateRead], rng: object) -> None:
    shuffled = list(reads)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert cars(shuffled) == cars(reads)


@given(READS, READS)
def test_same_car_is_symmetric(a: list[PlateRead], b: list[PlateRead]) -> None:
    for one in a:
        for other in b:
            assert same_car(one, other, RULES) == same_car(other, one, RULES)


@given(READS, st.integers(0, 12))
def test_reads_that_come_in_two_parts_make_the_same_cars(reads: list[PlateRead], cut: int) -> None:
    first, second = reads[:cut], reads[cut:]
    event_of = {
        (read.frame_no, read.plate_no): number
        for number, found in enumerate(group(first, [], RULES))
        for read in found.reads
    }
    placed = [(read, event_of[read.frame_no, read.plate_no]) for read in first]
    for found in group(second, placed, RULES):
        into = min(found.event_ids, default=len(event_of) + found.reads[0].frame_no * 10 + 100)
        event_of = {key: into if event in found.event_ids else event for key, event in event_of.items()}
        event_of |= {(read.frame_no, read.plate_no): into for read in found.reads}
    ended = {frozenset(key for key, event in event_of.items() if event == wanted) for wanted in set(event_of.values())}
    assert ended == cars(reads)


def test_the_same_text_soon_after_is_the_same_car() -> None:
    assert same_car(a_read(frame_no=0), a_read(frame_no=9), RULES)


def test_one_look_alike_apart_is_the_same_car() -> None:
    assert same_car(a_read("1A23456", frame_no=0), a_read("1A2345G", frame_no=4), RULES)


def test_an_i_that_one_of_two_reads_dropped_is_no_other_car() -> None:
    assert same_car(a_read("B305CIL", frame_no=0), a_read("B305CL", frame_no=4, box=a_box(x=700)), RULES)


def test_two_cars_side_by_side_stay_two() -> None:
    left = [a_read("1A23456", frame_no=number, plate_no=0) for number in range(9)]
    right = [a_read("MKT4173", frame_no=number, plate_no=1, box=a_box(x=230)) for number in range(9)]
    assert cars([*left, *right]) == {frozenset((n, side) for n in range(9)) for side in (0, 1)}


def test_a_car_that_returns_after_the_gap_is_another_passing() -> None:
    assert not same_car(a_read(frame_no=0, at_s=0), a_read(frame_no=99, at_s=RULES.gap_s + 0.1), RULES)


def test_two_plates_of_one_frame_are_two_cars_whatever_they_say() -> None:
    assert not same_car(a_read(frame_no=3, plate_no=0), a_read(frame_no=3, plate_no=1), RULES)


def test_neighbouring_boxes_join_reads_that_differ_a_little() -> None:
    left, right = a_read("B58DTK", frame_no=0), a_read("B58DK", frame_no=1, box=a_box(x=130))
    assert same_car(left, right, RULES)


def test_far_boxes_do_not_join_reads_that_differ() -> None:
    assert not same_car(a_read("B58DTK", frame_no=0), a_read("B58DK", frame_no=1, box=a_box(x=800)), RULES)


def test_a_car_that_follows_at_the_same_place_is_another_car() -> None:
    assert not same_car(a_read("1A23456", frame_no=0), a_read("MKT4173", frame_no=1), RULES)


def test_a_parked_car_is_one_car() -> None:
    reads = [a_read(frame_no=number, at_s=number * 5.0) for number in range(40)]
    assert len(group(reads, [], RULES)) == 1
    assert reads[-1].captured_at - NOON == timedelta(seconds=195)


def test_a_read_between_two_events_makes_them_one() -> None:
    early, late = a_read(frame_no=0, at_s=0), a_read(frame_no=50, at_s=10)
    between = a_read(frame_no=25, at_s=5)
    (found,) = group([between], [(early, 7), (late, 9)], RULES)
    assert found.event_ids == (7, 9)
    assert found.reads == (between,)


def test_an_unreadable_look_belongs_to_the_car_in_its_place() -> None:
    look = a_read("IBMTD", confidence=0.1, frame_no=4)
    car, far = a_read(frame_no=6, box=a_box(x=130)), a_read("MKT4173", frame_no=5, box=a_box(x=700))
    assert car_of([look], [(car, 1), (far, 2)], RULES) == 1


def test_an_unreadable_look_beside_a_car_in_the_same_frame_is_another_car() -> None:
    look = a_read("IBMTD", confidence=0.1, frame_no=4, plate_no=1)
    car = [a_read(frame_no=4), a_read(frame_no=5)]
    assert car_of([look], [(read, 1) for read in car], RULES) is None


def test_an_unreadable_look_long_before_a_car_is_another_car() -> None:
    look = a_read("IBMTD", confidence=0.1, frame_no=0)
    assert car_of([look], [(a_read(frame_no=9), 1)], RULES) is None
