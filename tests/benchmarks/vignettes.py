"""How fast a vignette list is imported and an old one removed, and in how much memory.

    .venv/bin/python tests/benchmarks/vignettes.py [--rows N] [--form csv|json]

Makes a list of N vignettes, imports it with `anpr vignettes import` into a Postgres of its own, and sends the same list
as plain CSV through COPY into a table without an index, which is what the import can at best be compared with: their
ratio depends less on the machine than the seconds. Then another list replaces it and the first is removed.
"""

import argparse
import csv
import json
import os
import random
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cli.embedded import EmbeddedServers
from storage import migrate, snapshots
from storage.db import Database
from workers.purge import PRUNE_MOST

COLUMNS = ("plate", "plate_country", "kind", "valid_from", "valid_to")
KINDS = {"1-day": 1, "10-day": 10, "month": 30, "year": 365}
SEED = 7
PIECE = 1 << 20
PLAIN = "create table plain (plate text, plate_country text, kind text, valid_from timestamptz, valid_to timestamptz)"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000, help="vignettes [default: 1000000]")
    options.add_argument("--form", choices=("csv", "json"), default="csv", help="of the list [default: csv]")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="anpr-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # the account of the embedded servers passes through
        plain, listed = directory / "plain.csv", directory / f"list.{chosen.form}"
        write_csv(plain, chosen.rows)
        if chosen.form == "csv":
            listed = plain
        else:
            write_json(listed, chosen.rows)
        with EmbeddedServers(directory / "data", redis=False) as served:
            database = Database(served.database_url)
            with database.transaction() as conn:
                migrate.migrate(conn)
            print(f"{chosen.rows} vignettes, {listed.stat().st_size / 1e6:.0f} MB of {chosen.form}; {load()}")
            copied_s = copied(database, plain)
            print(f"COPY into a table without an index: {copied_s:.1f} s")
            took_s, cpu_s, rss_mb = imported(served.database_url, listed)
            print(f"import: {took_s:.1f} s, {cpu_s:.1f} s CPU of anpr, {rss_mb:.0f} MB at most", end="")
            print(f", {took_s / copied_s:.1f} × COPY")
            another = directory / "another.csv"
            write_csv(another, 1)
            imported(served.database_url, another, "--accept-shrink", "--as-of", "1s")
            total_s, longest_s = removed(database)
            print(f"removal: {total_s:.1f} s, at most {longest_s:.2f} s for {PRUNE_MOST} vignettes; {load()}")
            database.close()


def vignettes(count: int) -> Iterator[tuple[str, ...]]:
    """Made-up vignettes of different plates, valid in days around 2026-05-01."""
    rng = random.Random(SEED)
    for number in range(count):
        letters = "".join(rng.choices(string.ascii_uppercase, k=2))
        kind = rng.choice(list(KINDS))
        first = date(2026, 5, 1) + timedelta(days=rng.randint(-200, 200))
        last = first + timedelta(days=KINDS[kind] - 1)
        yield f"{letters}{number:07}", rng.choice(("CZ", "SK", "DE", "PL")), kind, str(first), str(last)


def write_csv(path: Path, count: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(vignettes(count))


def write_json(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in vignettes(count):
            file.write(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n")


def copied(database: Database, path: Path) -> float:
    began_s = time.perf_counter()
    with database.transaction() as conn, path.open("rb") as file:
        conn.execute(PLAIN)
        with conn.cursor() as cursor, cursor.copy("copy plain from stdin (format csv, header)") as copy:
            while piece := file.read(PIECE):
                copy.write(piece)
    return time.perf_counter() - began_s


def imported(url: str, path: Path, *options: str) -> tuple[float, float, float]:
    """Seconds, seconds of CPU, and the greatest resident memory in MB of the importing process."""
    argv = [sys.executable, "-m", "cli.main", "vignettes", "import", str(path), "--country", "CZ", *options]
    began_s = time.perf_counter()
    process = subprocess.Popen(argv, env=dict(os.environ) | {"DATABASE_URL": url})
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"the import failed with status {process.returncode}")
    in_mb = 1e-6 if sys.platform == "darwin" else 1.024e-3  # bytes there, KiB on Linux
    return time.perf_counter() - began_s, used.ru_utime + used.ru_stime, used.ru_maxrss * in_mb


def removed(database: Database) -> tuple[float, float]:
    """Seconds to remove what is no longer in force: all of it, and the longest transaction."""
    now = datetime.now(UTC)
    took_s: list[float] = []
    while True:
        began_s = time.perf_counter()
        with database.transaction() as conn:
            if snapshots.prune(conn, before=now, again=now, now=now, most=PRUNE_MOST) is None:
                return sum(took_s), max(took_s)
        took_s.append(time.perf_counter() - began_s)


def load() -> str:
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
