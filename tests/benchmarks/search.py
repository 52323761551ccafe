"""How fast events are found, and pages made, among millions of events.

    python tests/benchmarks/search.py --events 10000000 --plans

Fills a Postgres of its own (or --database, which must be empty) with passings of a year at twelve cameras, by COPY, and
prints for each form of search the half and the 95th percentile of what the search took, pictures and verdicts of the
page of 100 included; with --plans also how Postgres found one of them. Cars pass again and again, some far more often
than others; their plates have the forms of Czech, Slovak, German, Polish and Austrian ones. Then pages and answers of
`anpr serve` are asked for over a socket, and what a day of retention takes is timed.
"""

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

import year
from api_server import a_key, asking, held_for

from anpr import config
from anpr.plates import look_alikes_of
from anpr.types import VerdictStatus
from cli.embedded import EmbeddedServers
from storage import event_search, stats
from storage.db import Database
from storage.event_search import EventSearch, Match, Position, plate_query
from workers import purge, queues

PAGE = 100
ANY_RATE = 10**9  # requests a minute


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=int, default=10_000_000, help="how many [default: 10000000]")
    options.add_argument("--searches", type=int, default=200, help="of each form [default: 200]")
    options.add_argument("--only", default="", help="those forms and pages alone whose name has this in it")
    options.add_argument("--database", help="postgresql://… of an empty database; its account must be a superuser")
    options.add_argument("--directory", type=Path, help="where the own servers keep their data for that time")
    options.add_argument("--plans", action="store_true", help="print how Postgres finds one of each form")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="anpr-bench-", dir=chosen.directory))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        directory.chmod(0o711)  # the account of the embedded servers passes through
        own = stack.enter_context(EmbeddedServers(directory / "data", postgres=chosen.database is None))
        url = chosen.database or own.database_url
        database = Database(url)
        stack.callback(database.close)
        began_s = time.monotonic()
        plates = year.fill(database, chosen.events, random.Random(chosen.seed))
        print(f"{chosen.events} events and verdicts in {time.monotonic() - began_s:.0f} s", flush=True)
        began_s = time.monotonic()
        hours = year.count_hours(database)
        print(f"{hours} hours counted in {time.monotonic() - began_s:.0f} s; {year.sizes(database)}", flush=True)
        rng = random.Random(chosen.seed + 1)
        print(f"{'search':28}{'p50 ms':>9}{'p95 ms':>9}{'most ms':>9}")
        search(database, plates, rng, only=chosen.only, searches=chosen.searches, plans=chosen.plans)
        ask(database, url, rng, only=chosen.only, events=chosen.events, searches=chosen.searches)
        if chosen.plans:
            print_plan(stats_plan(database))
        forget_a_day(database, own.redis_url, directory)


def forms(plates: list[str], rng: random.Random) -> dict[str, Callable[[], EventSearch]]:
    """A search of each form, another one at each call."""

    def car() -> str:
        return plates[int(len(plates) * rng.random() ** 2)]

    def misread() -> str:
        return rng.choice(look_alikes_of(car()) or [car()])

    def moment(days: float) -> tuple[datetime, datetime]:
        until = year.END - timedelta(days=rng.random() * (364 - days))
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
        "wildcard *A1*": lambda: wild(f"*{car()[1:3]}*"),
        "wildcard *A12*": lambda: wild(f"*{car()[1:4]}*"),
        "wildcard *A123*": lambda: wild(f"*{car()[1:5]}*"),
        "fuzzy": lambda: EventSearch(plate=plate_query(misread(), Match.FUZZY)),
        "fuzzy, in a week": lambda: in_time(7, plate=plate_query(misread(), Match.FUZZY)),
        "an hour": lambda: in_time(1 / 24),
        "a day": lambda: in_time(1),
        "a month, one camera": lambda: in_time(30, cameras=[rng.choice(year.CAMERAS)]),
        "a month, suspects": lambda: in_time(30, verdicts=[VerdictStatus.SUSPECT]),
        "deep page": lambda: EventSearch(after=Position(first_seen=moment(1)[1], id=0)),
    }


def search(database: Database, plates: list[str], rng: random.Random, *, only: str, searches: int, plans: bool) -> None:
    for name, made in forms(plates, rng).items():
        if only not in name:
            continue
        with database.transaction() as conn:
            timed(name, lambda: event_search.search(conn, made(), limit=PAGE), searches)  # noqa: B023 (called here)
        if plans:
            with database.transaction() as conn:
                print_plan(event_search.plan(conn, made(), limit=PAGE))


def pages(rng: random.Random, events: int) -> dict[str, Callable[[], str]]:
    """An address of each kind, another one at each call."""

    def in_time(days: float) -> str:
        until = year.END - timedelta(days=rng.random() * (364 - days))
        return f"/api/stats?from={until - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}&to={until:%Y-%m-%dT%H:%M:%SZ}"

    return {
        "stats of a day": lambda: in_time(1),
        "stats of a week": lambda: in_time(7),
        "stats of 31 days": lambda: in_time(31),
        "stats of 31 days, a camera": lambda: f"{in_time(31)}&camera={rng.choice(year.CAMERAS)}",
        "charts of 24 h": lambda: "/charts",
        "charts of 3 days": lambda: "/charts?span=3d",
        "charts of 7 days": lambda: "/charts?span=7d",
        "charts of 7 days, a camera": lambda: f"/charts?span=7d&camera={rng.choice(year.CAMERAS)}",
        "cameras": lambda: "/cameras",
        "live, first page": lambda: "/",
        "live, a camera": lambda: f"/?camera={rng.choice(year.CAMERAS)}",
        "an event": lambda: f"/api/events/{rng.randrange(int(events * (1 - year.READ_S / year.YEAR_S)), events)}",
    }


def ask(database: Database, url: str, rng: random.Random, *, only: str, events: int, searches: int) -> None:
    with held_for(url, rate_per_min=ANY_RATE) as held, asking(held, a_key(database)) as client:
        for name, made in pages(rng, events).items():
            if only in name:
                client.get(made())  # templates are made
                timed(name, lambda: client.get(made()).raise_for_status(), searches)  # noqa: B023 (called here)


def timed(name: str, call: Callable[[], object], times: int) -> None:
    took_ms: list[float] = []
    for _ in range(times):
        began_s = time.perf_counter()
        call()
        took_ms.append(1000 * (time.perf_counter() - began_s))
    cuts = statistics.quantiles(took_ms, n=20)
    print(f"{name:28}{cuts[9]:9.1f}{cuts[18]:9.1f}{max(took_ms):9.1f}", flush=True)


def stats_plan(database: Database) -> list[str]:
    with database.transaction() as conn:
        return stats.plan(conn, since=year.END - timedelta(days=7), until=year.END)


def print_plan(lines: list[str]) -> None:
    for line in lines:
        print(f"    {line}")


def forget_a_day(database: Database, redis_url: str, directory: Path) -> None:
    """Erase what a day makes due where retention has kept up; the files of pictures are not there."""
    settings = config.build({"redis_url": redis_url, "evidence_dir": str(directory)}, where="benchmark", environ={})
    began_s = time.monotonic()
    done = purge.purge(database, queues.connect(redis_url), settings, now=year.END)
    print(f"a day of retention: {done.events.total()} events erased in {time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main()
