"""Which reads are one car."""

from collections.abc import Sequence
from dataclasses import dataclass

from anpr.plates import distance
from anpr.types import PlateRead

ReadKey = tuple[int, int]  # frame_no, plate_no


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingRules:
    """When two reads of one session are looks at the same car."""

    gap_s: float = 6.0  # a car that is out of sight for longer and returns has passed twice
    same_text: float = (
        0.8  # `plates.distance` at which the text alone says so: equal, one look-alike or an I or 1 apart
    )
    near_s: float = 1.0  # reads this close in time may also be joined by where they are …
    near_text: float = 2.5  # … unless their texts differ by more than this
    adjoining_s: float = 0.6  # an unreadable look this close in time to a car, and in its place, is a look at that car


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Reads that belong together, and the events that already hold some of them (more than one: they merge)."""

    reads: tuple[PlateRead, ...]
    event_ids: tuple[int, ...]


def same_car(a: PlateRead, b: PlateRead, rules: GroupingRules) -> bool:
    """Whether two reads of one session are looks at the same car. Symmetric; two plates of one frame are two cars."""
    apart_s = abs((a.captured_at - b.captured_at).total_seconds())
    if a.frame_no == b.frame_no or apart_s > rules.gap_s:
        return False
    texts = distance(a.text, b.text)
    if texts <= rules.same_text:
        return True
    return apart_s <= rules.near_s and texts <= rules.near_text and _near(a, b, widths=2)


def car_of(doubtful: Sequence[PlateRead], others: Sequence[tuple[PlateRead, int]], rules: GroupingRules) -> int | None:
    """The event that a few unreadable looks belong to, if one of `others` (reads of readable events) is their car.

    That is the event with the nearest read in time, then in place, within `adjoining_s` and one width of one of the
    looks, unless the event has a plate of its own in the frame of one of them: then they are two cars.
    """
    frames = {read.frame_no for read in doubtful}
    excluded = {event_id for read, event_id in others if read.frame_no in frames}
    found: list[tuple[float, float, int]] = []
    for look in doubtful:
        for read, event_id in others:
            apart_s = abs((look.captured_at - read.captured_at).total_seconds())
            if event_id not in excluded and apart_s <= rules.adjoining_s and _near(look, read, widths=1):
                (ax, ay), (bx, by) = look.box.centre, read.box.centre
                found.append((apart_s, abs(ax - bx) + abs(ay - by), event_id))
    return min(found)[2] if found else None


def _near(a: PlateRead, b: PlateRead, *, widths: float) -> bool:
    """Whether one plate can have moved from one box to the other: within so many widths, and of similar size."""
    width = max(a.box.width, b.box.width)
    (ax, ay), (bx, by) = a.box.centre, b.box.centre
    similar = width <= 1.6 * min(a.box.width, b.box.width)
    return similar and abs(ax - bx) <= widths * width and abs(ay - by) <= widths * width


def group(new: Sequence[PlateRead], placed: Sequence[tuple[PlateRead, int]], rules: GroupingRules) -> list[Group]:
    """Join new reads with one another and with the events of reads already placed.

    Cars are the connected components of `same_car`, so neither the order in which reads arrive nor how often they do
    changes the outcome. Each group holds at least one new read.
    """
    parent = list(range(len(new) + len(placed)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    everything = [*new, *(read for read, _ in placed)]
    first_of_event: dict[int, int] = {}
    for node, (_, event_id) in enumerate(placed, start=len(new)):
        parent[root(node)] = root(first_of_event.setdefault(event_id, node))
    for node, read in enumerate(new):
        for other in range(node + 1, len(everything)):
            if root(node) != root(other) and same_car(read, everything[other], rules):
                parent[root(node)] = root(other)

    reads: dict[int, dict[ReadKey, PlateRead]] = {}
    for node, read in enumerate(new):
        reads.setdefault(root(node), {})[read.frame_no, read.plate_no] = read
    events: dict[int, set[int]] = {}
    for event_id, node in first_of_event.items():
        events.setdefault(root(node), set()).add(event_id)
    return [
        Group(reads=tuple(found[key] for key in sorted(found)), event_ids=tuple(sorted(events.get(node, ()))))
        for node, found in reads.items()
    ]
