"""How fast events are found among millions of them.

    python tests/benchmarks/search.py --events 10000000 --plans

Fills a Postgres of its own (or --database, which must be empty) with passings of a year at twelve cameras, by COPY, and
prints for each form of search the half and the 95th percentile of what the search took, pictures and verdicts of the
page of 100 included; with --plans also how Postgres found one of them. Cars pass again and again, some far more often
than others; their plates have the forms of Czech, Slovak, German, Polish and Austrian ones.
"""

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from anpr.plates import look_alikes_of
from anpr.types import VerdictStatus
from cli.embedded import EmbeddedServers
from storage import event_search, migrate, sessions
from storage.db import Conn, Database
from storage.event_search import EventSearch, Match, Position, plate_query

YEAR_END = datetime(2026, 11, 1, tzinfo=UTC)
YEAR_S = 365 * 86_400
CAMERAS = [f"gate-{number}" for number in range(1, 13)]
CAR_PASSES = 5  # on average
PAGE = 100
LETTERS = "ABCDEFGHIJKLMNOPRSTUVWXYZ"
FORMS = ["#A#####", "#A#####", "#A#####", "AA###AA", "AA####", "AAA##AA", "AAAA####", "AA#####", "A#####A"]
OUTCOMES = ["VALID"] * 90 + ["AMBIGUOUS"] * 5 + ["EXEMPT"] * 3 + ["UNREADABLE"] + ["SUSPECT"]
COPY_EVENTS = """
copy plate_events (session_id, camera_id, toll_country, plate, confidence, candidates, reads, agreeing, first_seen,
    last_seen, best_frame_no, best_plate_no, state, revision) from stdin
"""
COPY_VERDICTS = (
    "copy verdicts (event_id, revision, status, reason, readings_tried, rules_version, judged_at) from stdin"
)
INDEXES = (
    "select indexname, indexdef from pg_indexes where tablename = 'plate_events' and indexname <> 'plate_events_pkey'"
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=int, default=10_000_000, help="how many [default: 10000000]")
    options.add_argument("--searches", type=int, default=200, help="of each form [default: 200]")
    options.add_argument("--database", help="postgresql://… of an empty database; its account must be a superuser")
    options.add_argument("--directory", type=Path, help="where the own Postgres keeps its data for that time")
    options.add_argument("--plans", action="store_true", help="print how Postgres finds one of each form")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with ExitStack() as stack:
        url = chosen.database
        if url is None:
            directory = Path(tempfile.mkdtemp(prefix="anpr-bench-", dir=chosen.directory))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            directory.chmod(0o711)  # the account of the embedded servers passes through
            url = stack.enter_context(EmbeddedServers(directory / "data", redis=False)).database_url
        database = Database(url)
        stack.callback(database.close)
        began_s = time.monotonic()
        plates = fill(database, chosen.events, random.Random(chosen.seed))
        print(f"{chosen.events} events and verdicts in {time.monotonic() - began_s:.0f} s, {sizes(database)}")
        measure(database, plates, random.Random(chosen.seed + 1), searches=chosen.searches, plans=chosen.plans)


def fill(database: Database, events: int, rng: random.Random) -> list[str]:
    """Store so many events with a verdict each; the plates of the cars, those that pass most often first."""
    plates = list({a_plate(rng) for _ in range(max(10, events // CAR_PASSES))})
    with database.transaction() as conn:
        migrate.migrate(conn)
        ids = []
        for name in CAMERAS:
            camera = sessions.camera_id(conn, name, toll_country="CZ")
            session = sessions.start(conn, camera=camera, source="", key=name, is_live=True, expected_frames=None)
            ids.append((camera, session))
    with database.transaction() as conn:
        conn.execute("set session_replication_role = replica")  # a million notices to nobody, and foreign keys
        conn.execute("set maintenance_work_mem = '512MB'")
        indexes = conn.execute(INDEXES).fetchall()
        for name, _ in indexes:
            conn.execute(f"drop index {name}")
        copy(conn, COPY_EVENTS, event_lines(events, plates, ids, rng))
        for _, definition in indexes:
            conn.execute(definition)
        conn.execute("alter index plate_events_ending alter column 1 set statistics 0")
        copy(conn, COPY_VERDICTS, verdict_lines(events, rng))
    with database.autocommit() as conn:
        conn.execute("vacuum analyze plate_events")
        conn.execute("vacuum analyze verdicts")
    return plates


def copy(conn: Conn, statement: str, lines: Iterator[str]) -> None:
    with conn.cursor() as cursor, cursor.copy(statement) as stream:
        batch: list[str] = []
        for line in lines:
            batch.append(line)
            if len(batch) == 2000:
                stream.write("".join(batch))
                batch.clear()
        stream.write("".join(batch))


def a_plate(rng: random.Random) -> str:
    form = rng.choice(FORMS)
    return "".join(
        rng.choice("0123456789") if one == "#" else rng.choice(LETTERS) if one == "A" else one for one in form
    )


def event_lines(events: int, plates: list[str], ids: list[tuple[int, int]], rng: random.Random) -> Iterator[str]:
    begin = YEAR_END - timedelta(seconds=YEAR_S)
    step_s = YEAR_S / events
    cars = len(plates)
    for number in range(events):
        # The square has 10 % of the cars make a third of the passings.
        plate = plates[int(cars * rng.random() ** 2)]
        camera, session = ids[number % len(ids)]
        confidence = 1 - 0.5 * rng.random() ** 3
        at = begin + timedelta(seconds=number * step_s)
        first, last = at.isoformat(), (at + timedelta(seconds=2)).isoformat()
        candidates = f'[{{"text": "{plate}", "confidence": {confidence:.4f}}}]'
        yield (
            f"{session}\t{camera}\tCZ\t{plate}\t{confidence:.4f}\t{candidates}\t6\t5\t{first}\t{last}\t{number}\t0"
            "\tclosed\t2\n"
        )


def verdict_lines(events: int, rng: random.Random) -> Iterator[str]:
    for number in range(1, events + 1):
        yield f"{number}\t2\t{OUTCOMES[int(100 * rng.random())]}\tas the list says\t{{}}\t2026-11\t2026-11-01\n"


def sizes(database: Database) -> str:
    with database.transaction() as conn:
        rows = conn.execute(
            "select relname, pg_relation_size(oid) / 1e6 from pg_class where relname like 'plate_events%'"
            " and relkind in ('r', 'i') order by 1"
        ).fetchall()
    return ", ".join(f"{name} {size:.0f} MB" for name, size in rows)


def forms(plates: list[str], rng: random.Random) -> dict[str, Callable[[], EventSearch]]:
    """A search of each form, another one at each call."""

    def car() -> str:
        return plates[int(len(plates) * rng.random() ** 2)]

    def misread() -> str:
        return rng.choice(look_alikes_of(car()) or [car()])

    def moment(days: float) -> tuple[datetime, datetime]:
        until = YEAR_END - timedelta(days=rng.random() * (364 - days))
        return until - timedelta(days=days), until

    def in_time(days: float, **more: object) -> EventSearch:
        since, until = moment(days)
        return EventSearch(since=since, until=until, **more)  # pyright: ignore[reportArgumentType]

    def wild(text: str) -> EventSearch:
        return EventSearch(plate=plate_query(text, Match.WILDCARD))

    def cut(text: str) -> str:
        place = rng.randrange(2, len(text) - 1)
        return f"{text[:place]}?{text[place + 1 :]}"

    return {
        "newest": EventSearch,
        "exact": lambda: EventSearch(plate=plate_query(car())),
        "exact, in a week": lambda: in_time(7, plate=plate_query(car())),
        "prefix of 2": lambda: EventSearch(plate=plate_query(car()[:2], Match.PREFIX)),
        "prefix of 3": lambda: EventSearch(plate=plate_query(car()[:3], Match.PREFIX)),
        "prefix of 4": lambda: EventSearch(plate=plate_query(car()[:4], Match.PREFIX)),
        "wildcard AB*": lambda: wild(car()[:3] + "*"),
        "wildcard AB?12": lambda: wild(cut(car())),
        "wildcard *123": lambda: wild("*" + car()[-3:]),
        "wildcard *A12*": lambda: wild(f"*{car()[1:5]}*"),
        "fuzzy": lambda: EventSearch(plate=plate_query(misread(), Match.FUZZY)),
        "fuzzy, in a week": lambda: in_time(7, plate=plate_query(misread(), Match.FUZZY)),
        "an hour": lambda: in_time(1 / 24),
        "a day": lambda: in_time(1),
        "a month, one camera": lambda: in_time(30, cameras=[rng.choice(CAMERAS)]),
        "a month, suspects": lambda: in_time(30, verdicts=[VerdictStatus.SUSPECT]),
        "deep page": lambda: EventSearch(after=Position(first_seen=moment(1)[1], id=0)),
    }


def measure(database: Database, plates: list[str], rng: random.Random, *, searches: int, plans: bool) -> None:
    print(f"{'search':24}{'p50 ms':>9}{'p95 ms':>9}{'most ms':>9}{'events':>8}")
    for name, made in forms(plates, rng).items():
        took_ms: list[float] = []
        found = 0
        with database.transaction() as conn:
            for _ in range(searches):
                wanted = made()
                began_s = time.perf_counter()
                found += len(event_search.search(conn, wanted, limit=PAGE))
                took_ms.append(1000 * (time.perf_counter() - began_s))
        cuts = statistics.quantiles(took_ms, n=20)
        print(f"{name:24}{cuts[9]:9.1f}{cuts[18]:9.1f}{max(took_ms):9.1f}{found / searches:8.1f}", flush=True)
        if plans:
            with database.transaction() as conn:
                for line in event_search.plan(conn, made(), limit=PAGE):
                    print(f"    {line}")


if __name__ == "__main__":
    main()
