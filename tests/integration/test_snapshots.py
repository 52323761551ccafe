"""Old snapshots: what is removed of them, what stays, and what people see of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anpr.types import Verdict, VerdictStatus, Vignette
from anpr.vignette_lists import VignetteRow
from storage import plate_events, rejudging, sessions, snapshots, verdicts, vignettes
from storage.db import Conn, Database

T0 = datetime(2026, 5, 1, 10, tzinfo=UTC)
PLATES = ("1A1", "2B2", "3C3", "4D4")
DAY = timedelta(days=1)


def a_row(plate: str, *, days: int = 30, is_withdrawn: bool = False) -> VignetteRow:
    return VignetteRow(
        toll_country="HU",
        plate=plate,
        plate_country="",
        kind="month",
        valid_from=T0,
        valid_to=T0 + timedelta(days=days),
        is_withdrawn=is_withdrawn,
    )


def a_list(conn: Conn, *plates: str, day: int = 0, imported: int | None = None) -> int:
    """A list true as of this day, imported then or another day."""
    rows = [a_row(plate) for plate in plates]
    found = vignettes.import_snapshot(
        conn, "HU", rows, vignettes.Origin(source="list.csv", sha256="", as_of=T0 + day * DAY)
    )
    return imported_on(conn, found, day if imported is None else imported)


def an_update(conn: Conn, *rows: VignetteRow, day: int) -> int:
    done = vignettes.update_snapshot(
        conn, "HU", rows, vignettes.Origin(source="more.csv", sha256="", as_of=T0 + day * DAY)
    )
    return imported_on(conn, done.id, day)


def imported_on(conn: Conn, snapshot_id: int, day: int) -> int:
    conn.execute("update registry_snapshots set imported_at = %s where id = %s", (T0 + day * DAY, snapshot_id))
    return snapshot_id


def a_verdict_on(conn: Conn, snapshot_id: int, *tried: str, vignette_id: int | None = None) -> int:
    """The event judged."""
    camera_id = sessions.camera_id(conn, "gate", toll_country="HU")
    session_id = sessions.start(conn, camera=camera_id, source="x", key="x", is_live=False, expected_frames=None)
    event_id = plate_events.create(conn, session_id, at=T0)
    verdict = Verdict(
        status=VerdictStatus.SUSPECT,
        reason="because",
        readings_tried=tried,
        vignette_id=vignette_id,
        snapshot_id=snapshot_id,
        rules_version="test",
    )
    verdicts.add(conn, event_id, 1, verdict)
    return event_id


def prune(conn: Conn, *, day: int, keep_days: int = 7, most: int = 1000) -> int:
    """Prune as the workers do until nothing is left to look at; how many vignettes went."""
    now, removed = T0 + day * DAY, 0
    while True:
        count = snapshots.prune(conn, before=now - keep_days * DAY, again=now, now=now, most=most)
        if count is None:
            return removed
        removed += count


def shown(conn: Conn, snapshot_id: int, plates: Sequence[str] = PLATES) -> list[Vignette]:
    return vignettes.candidates(conn, snapshot_id, plates)


def plates_in(conn: Conn, snapshot_id: int) -> list[str]:
    return [one.plate for one in shown(conn, snapshot_id)]


def test_a_list_is_kept_whole_for_a_while_after_another_came_into_force(database: Database) -> None:
    with database.transaction() as conn:
        first = a_list(conn, "1A1", "2B2")
        second = a_list(conn, "1A1", "3C3", day=10)
        assert prune(conn, day=16) == 0
        assert plates_in(conn, first) == ["1A1", "2B2"]
        assert prune(conn, day=17) == 2
        assert (plates_in(conn, first), plates_in(conn, second)) == ([], ["1A1", "3C3"])
        assert prune(conn, day=400) == 0
        rows = snapshots.snapshots(conn, limit=9)
    assert [(one.id, one.vignettes, one.is_in_force, one.pruned_at) for one in rows] == [
        (second, 2, True, None),
        (first, 2, False, T0 + 17 * DAY),
    ]


def test_a_list_that_never_came_into_force_goes_too(database: Database) -> None:
    with database.transaction() as conn:
        now = a_list(conn, "1A1", day=3)
        older = a_list(conn, "2B2", day=1, imported=4)
        assert prune(conn, day=10) == 0
        assert prune(conn, day=11) == 1
        assert (plates_in(conn, older), plates_in(conn, now)) == ([], ["1A1"])


def test_lists_of_other_countries_do_not_replace_one(database: Database) -> None:
    with database.transaction() as conn:
        first = a_list(conn, "1A1")
        vignettes.import_snapshot(conn, "CZ", [a_row("2B2")], vignettes.Origin(source="", sha256="", as_of=T0 + DAY))
        conn.execute("update registry_snapshots set imported_at = %s", [T0])
        assert prune(conn, day=400) == 0
        assert plates_in(conn, first) == ["1A1"]


def test_what_a_verdict_rests_on_stays_until_the_verdict_is_erased(database: Database) -> None:
    with database.transaction() as conn:
        first = a_list(conn, "1A1", "2B2", "3C3")
        [paid] = shown(conn, first, ["3C3"])
        a_list(conn, "4D4", day=1)
        suspected = a_verdict_on(conn, first, "IA1", "1A1")
        paid_for = a_verdict_on(conn, first, vignette_id=paid.id)
        assert prune(conn, day=30) == 1
        assert plates_in(conn, first) == ["1A1", "3C3"]
        for day, event_id, left in ((31, suspected, ["3C3"]), (32, paid_for, [])):
            erased = "update verdicts set readings_tried = '{}', vignette_id = null where event_id = %s"
            conn.execute(erased, [event_id])
            assert prune(conn, day=day) == 1
            assert plates_in(conn, first) == left


def test_an_update_in_force_keeps_the_rows_of_its_import_but_those_it_replaced(database: Database) -> None:
    with database.transaction() as conn:
        first = a_list(conn, "1A1", "2B2", "3C3")
        second = an_update(conn, a_row("1A1", is_withdrawn=True), day=1)
        third = an_update(conn, a_row("2B2", days=60), day=10)
        before = {one: shown(conn, one) for one in (second, third)}
        assert prune(conn, day=8) == 1  # 1A1, which only the first shows
        assert {one: shown(conn, one) for one in (second, third)} == before
        assert plates_in(conn, first) == ["2B2", "3C3"]
        assert prune(conn, day=17) == 1  # 2B2 as it was
        assert shown(conn, third) == before[third]
        fourth = an_update(conn, a_row("3C3", is_withdrawn=True), a_row("1A1"), day=18)
        assert plates_in(conn, fourth) == ["1A1", "2B2"]


def test_a_new_list_finds_what_it_changes_though_the_old_one_was_pruned(database: Database) -> None:
    with database.transaction() as conn:
        first = a_list(conn, "1A1", "2B2")
        a_list(conn, "1A1", "2B2", day=1)
        while rejudging.mark(conn, most=10):
            pass
        corrected, same = (a_verdict_on(conn, first, plate) for plate in ("1A1", "2B2"))
        prune(conn, day=30)
        a_list(conn, "2B2", day=31)
        while rejudging.mark(conn, most=10):
            pass
        marked = conn.execute("select event_id from verdicts where judge_again_at is not null").fetchall()
    assert [row[0] for row in marked] == [corrected]
    assert same != corrected


def test_a_long_list_goes_in_pieces_and_is_then_left_alone_for_a_while(database: Database) -> None:
    with database.transaction() as conn:
        a_list(conn, *PLATES)
        a_list(conn, "1A1", day=1)
        now = T0 + 30 * DAY
        hourly = now - timedelta(hours=1)
        counts = [snapshots.prune(conn, before=now - DAY, again=hourly, now=now, most=3) for _ in range(3)]
        assert counts == [3, 1, None]


def test_verdicts_may_name_a_list_while_it_is_pruned(database: Database) -> None:
    with database.transaction() as conn:
        first = a_list(conn, *PLATES)
        a_list(conn, "1A1", day=1)
    now = T0 + 30 * DAY
    with database.transaction() as one, database.transaction() as other:
        other.execute("set local lock_timeout = '5s'")
        assert snapshots.prune(one, before=now - DAY, again=now, now=now, most=3) == 3
        a_verdict_on(other, first, "1A1")


DOINGS = st.lists(
    st.one_of(
        st.tuples(st.just("list"), st.sets(st.sampled_from(PLATES), min_size=1)),
        st.tuples(st.just("put"), st.sampled_from(PLATES), st.integers(1, 3)),
        st.tuples(st.just("withdraw"), st.sampled_from(PLATES)),
        st.tuples(st.just("judge"), st.sampled_from(PLATES)),
        st.tuples(st.just("prune")),
    ),
    min_size=4,
    max_size=12,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DOINGS, st.integers(0, 6))
def test_pruning_changes_nothing_that_is_kept_or_was_judged_on(
    database: Database, doings: list[tuple[object, ...]], keep_days: int
) -> None:
    with database.transaction() as conn:
        made = [a_list(conn, *PLATES[:2])]
        truth = {made[0]: shown(conn, made[0])}
        judged: dict[int, set[str]] = {}
        for day, doing in enumerate([*doings, ("prune",)], 1):
            match doing:
                case ("list", plates):
                    made.append(a_list(conn, *sorted(plates), day=day))
                case ("put", str(plate), int(days)):
                    made.append(an_update(conn, a_row(plate, days=days), day=day))
                case ("withdraw", str(plate)) if plate in plates_in(conn, made[-1]):
                    made.append(an_update(conn, a_row(plate, is_withdrawn=True), day=day))
                case ("judge", str(plate)):
                    a_verdict_on(conn, made[-1], plate)
                    judged.setdefault(made[-1], set()).add(plate)
                case ("prune",):
                    prune(conn, day=day, keep_days=keep_days, most=2)
                case _:
                    pass
            truth.setdefault(made[-1], shown(conn, made[-1]))
            rows = {one.id: one for one in snapshots.snapshots(conn, limit=99)}
            for snapshot_id, was in truth.items():
                kept = PLATES if rows[snapshot_id].pruned_at is None else sorted(judged.get(snapshot_id, ()))
                assert shown(conn, snapshot_id, kept) == [one for one in was if one.plate in kept]
            assert rows[made[-1]].is_in_force
            assert rows[made[-1]].pruned_at is None
        gone = {one.id for one in snapshots.snapshots(conn, limit=99) if one.pruned_at is not None}
        named = {plate for one in gone for plate in judged.get(one, ())}
        needless = {one.plate for old in gone for one in shown(conn, old)} - named
        for snapshot_id in set(made) - gone:
            needless -= {one.plate for one in shown(conn, snapshot_id)}
        assert needless == set()
        conn.rollback()
