"""How fast the whole pipeline is, where its time goes, and what queue and database cost.

    .venv/bin/python tests/benchmarks/pipeline.py [--rounds N] [CLIP]

Without CLIP it draws one: the demo's road twice over, 28 s of 1080p H.264 at 25 frames a second. Every frame is looked
at. The baseline is the same work (decode, convert, detect, read) in one loop in one process: no JPEG, no queue, no
database. Baseline and pipeline take turns and the figures are medians, because the load of other programs comes and
goes.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import psutil
import yaml

from anpr.types import PlateOutcome
from cli.demo.scene import FPS, FRAMES, Scene
from cli.embedded import EmbeddedServers
from cli.supervise import Supervisor
from cli.worker import command
from ingest.encode import VideoWriter, encode_jpeg
from ingest.source import open_source
from models.detector.inference import Detector
from models.reader import Reader, load_reader
from models.recognise import MARGIN, MIN_PLATE_PX, crop
from storage import evidence, migrate, plate_reads, sessions
from storage.db import Database
from workers import frames
from workers.detect import Found, hopeless, look
from workers.frames import StoredFrame
from workers.queues import connect

WIDTH_PX, HEIGHT_PX = 1920, 1080
SEEDS = (7, 8)
BATCH = 8
LOOK_S = 0.1
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run over the clip."""

    frames: int
    plates: int  # those that were read
    took_s: float  # from the first frame to the last read stored
    judged_s: float = 0.0  # from the first frame to the last verdict
    cpu_s: Mapping[str, float]  # by program, until the last verdict
    memory_mib: Mapping[str, float]  # by program: the largest of its processes at its largest


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("clip", nargs="?", type=Path, metavar="CLIP", help="a video [default: one drawn for the run]")
    options.add_argument("--rounds", type=int, default=3, help="turns of baseline and pipeline [default: 3]")
    chosen = options.parse_args()
    frames.keep_memory()  # these two as the pipeline's processes do
    cv2.setNumThreads(1)
    detector, reader = Detector.load(), load_reader("tflite")
    with tempfile.TemporaryDirectory(prefix="anpr-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # the account of the embedded servers passes through
        clip = chosen.clip or draw(directory / "clip.mp4")
        loads = [os.getloadavg()[0]]
        bare_runs: list[Run] = []
        runs: dict[int, list[Run]] = {1: [], 2: []}
        spent: list[Mapping[str, float]] = []
        with EmbeddedServers(directory / "data") as served:
            for _ in range(chosen.rounds):
                bare_runs.append(bare(clip, detector, reader))
                for detectors, done in runs.items():
                    done.append(pipeline(clip, served, directory, detectors=detectors))
                spent.append(stages(clip, detector, reader, served, directory))
                loads.append(os.getloadavg()[0])
        show(clip, bare_runs, runs, spent, loads)


def draw(path: Path) -> Path:
    """Write the demo's road in 1080p, once with each seed."""
    with VideoWriter(path, width_px=WIDTH_PX, height_px=HEIGHT_PX, fps=FPS) as video:
        for seed in SEEDS:
            scene = Scene(seed)
            for number in range(FRAMES):
                picture = cv2.resize(scene.frame(number), (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
                video.write(picture.astype("uint8", copy=False))
    return path


def bare(clip: Path, detector: Detector, reader: Reader) -> Run:
    """The baseline."""
    count = plates = 0
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    with open_source(str(clip)) as source:
        for frame in source:
            image = frame.image()
            height, width = image.shape[:2]
            boxes = [found.box for found in detector.detect(image)]
            whole = [box for box in boxes if hopeless(box, width, height, MIN_PLATE_PX) is None]
            plates += len(reader.read([crop(image, box) for box in whole]))
            count += 1
    return Run(
        frames=count,
        plates=plates,
        took_s=time.perf_counter() - began_s,
        cpu_s={"loop": time.process_time() - began_cpu_s},
        memory_mib={"loop": psutil.Process().memory_info().rss / 2**20},
    )


_PROGRESS = """
select extract(epoch from clock_timestamp() - s.started_at)::float8,
    s.complete and s.counted + (select count(*) from frames f where f.session_id = s.id) >= s.sampled
        and not exists (select from plate_reads r where r.session_id = s.id and r.outcome is null),
    s.settled_at is not null, s.sampled, (select count(*) from plate_reads where outcome in ('read', 'unreadable'))
from sessions s
"""


def pipeline(clip: Path, served: EmbeddedServers, directory: Path, *, detectors: int) -> Run:
    """One run of the real processes, on empty servers."""
    settings = directory / "settings.yaml"
    plain = {
        "database_url": served.database_url,
        "redis_url": served.redis_url,
        "evidence_dir": str(directory / "evidence"),
        "cameras": {"clip": {"url": str(clip), "fps": None}},
    }
    settings.write_text(yaml.safe_dump(plain), encoding="utf-8")
    env = dict(os.environ) | {"ANPR_LOG_LEVEL": "error"}
    read_s = 0.0
    with emptied(served) as database, Supervisor() as supervisor:
        for name in [*(f"detect {n + 1}" for n in range(detectors)), "read", "check"]:
            supervisor.start(name, command(name.split()[0], settings), env=env)
        supervisor.wait(lambda: are_ready(served, detectors + 2))
        ingest = [*command("detect", settings)[:3], "ingest", "--config", str(settings)]
        supervisor.start("ingest", ingest, env=env)
        programs = {pid: name.split()[0] for name in supervisor.running() if (pid := supervisor.pid(name))}
        watch = Watch(programs)
        while True:
            supervisor.poll()
            with database.transaction() as conn:
                row = conn.execute(_PROGRESS).fetchone()
            if row is None:
                watch.begin()
                time.sleep(LOOK_S / 10)
                continue
            at_s, is_read, is_settled, sampled, plates = row
            watch.look()
            read_s = at_s if is_read and not read_s else read_s
            if is_settled:
                break
            time.sleep(LOOK_S)
    return Run(
        frames=sampled, plates=plates, took_s=read_s, judged_s=at_s, cpu_s=watch.cpu_s(), memory_mib=watch.memory_mib
    )


def are_ready(served: EmbeddedServers, workers: int) -> bool:
    with connect(served.redis_url) as redis:
        return redis.scard("rq:workers") == workers


@contextmanager
def emptied(served: EmbeddedServers) -> Iterator[Database]:
    """The database with our tables and nothing in them, and an empty Redis."""
    with connect(served.redis_url) as redis:
        redis.flushall()
    database = Database(served.database_url)
    with database.transaction() as conn:
        conn.execute("drop schema public cascade")
        conn.execute("create schema public")
        migrate.migrate(conn)
    try:
        yield database
    finally:
        database.close()


class Watch:
    """CPU time and memory of the programs that run under this one; `programs`: their names by pid."""

    def __init__(self, programs: Mapping[int, str]) -> None:
        self.memory_mib: dict[str, float] = defaultdict(float)
        self._programs = programs
        self._first_s: dict[int, float] = {}
        self._last_s: dict[int, float] = {}
        self._names: dict[int, str] = {}

    def begin(self) -> None:
        """What was spent until now does not count."""
        self.look()
        self._first_s = dict(self._last_s)

    def look(self) -> None:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                name = self._programs.get(process.pid) or process.name().removesuffix("-server")
                times = process.cpu_times()
                self._names[process.pid] = name
                self._last_s[process.pid] = times.user + times.system
                self.memory_mib[name] = max(self.memory_mib[name], process.memory_info().rss / 2**20)

    def cpu_s(self) -> dict[str, float]:
        spent: dict[str, float] = defaultdict(float)
        for pid, name in self._names.items():
            spent[name] += self._last_s[pid] - self._first_s.get(pid, 0.0)
        return spent


def stages(
    clip: Path, detector: Detector, reader: Reader, served: EmbeddedServers, directory: Path
) -> Mapping[str, float]:
    """CPU seconds of each stage over the clip, each by itself in this process."""
    spent: dict[str, float] = defaultdict(float)
    spent["decode"] = _decoding_s(clip, convert=False)
    spent["convert"] = _decoding_s(clip, convert=True) - spent["decode"]

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        began_s = time.thread_time()  # of this thread: those of the decoder work ahead
        yield
        spent[stage] += time.thread_time() - began_s

    with emptied(served) as database, open_source(str(clip)) as source:
        with database.transaction() as conn:
            camera = sessions.camera_id(conn, "stages", toll_country="CZ")
            session = sessions.start(conn, camera=camera, source="", key="", is_live=False, expected_frames=None)
        found = Found(outcomes=[], plates=[], crops={})
        for number, frame in enumerate(source):
            image = frame.image()
            with timed("encode"):
                jpeg = encode_jpeg(image)
            with timed("decode JPEG"):
                frames.decode(jpeg)
            stored = StoredFrame(frame_no=number, captured_at=BEGIN, left_px=0, top_px=0, jpeg=jpeg)
            with timed("detect"):
                look(detector, stored, found, margin=MARGIN, min_plate_px=MIN_PLATE_PX)
            if len(found.outcomes) < BATCH:
                continue
            with timed("read"):
                pictures = {key: one for key, jpeg in found.crops.items() if (one := frames.decode(jpeg)) is not None}
                readings = dict(zip(pictures, reader.read(list(pictures.values())), strict=True))
            with timed("store"):
                with database.transaction() as conn:
                    sessions.record(conn, session, found.outcomes)
                    plate_reads.add_detected(conn, session, found.plates)
                kept = [evidence.write(directory / "stages", session, key, found.crops[key]) for key in readings]
                with database.transaction() as conn:
                    for key, reading in readings.items():
                        plate_reads.save(conn, session, key, PlateOutcome.READ, reading)
                    for picture in kept:
                        evidence.add(conn, session, picture)
            found = Found(outcomes=[], plates=[], crops={})
    spent["detect"] -= spent["decode JPEG"]
    return spent


def _decoding_s(clip: Path, *, convert: bool) -> float:
    began_s = time.process_time()
    with open_source(str(clip)) as source:
        for frame in source:
            if convert:
                frame.image()
    return time.process_time() - began_s


def show(
    clip: Path,
    bare_runs: Sequence[Run],
    runs: Mapping[int, Sequence[Run]],
    spent: Sequence[Mapping[str, float]],
    loads: Sequence[float],
) -> None:
    count = bare_runs[0].frames
    print(f"{clip.name}: {count} frames, {bare_runs[0].plates} plates to read, all frames looked at")
    print(f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}, ", end="")
    print(f"Python {platform.python_version()}; load at each round {', '.join(f'{one:.1f}' for one in loads)}\n")

    print("                      frames/s  of the bare loop   verdicts after   all rounds")
    rate = statistics.median(run.frames / run.took_s for run in bare_runs)
    print(f"bare loop             {rate:8.1f}              1.00                    {_rates(bare_runs)}")
    for detectors, done in runs.items():
        shares = [
            (run.frames / run.took_s) / (one.frames / one.took_s) for run, one in zip(done, bare_runs, strict=True)
        ]
        rate = statistics.median(run.frames / run.took_s for run in done)
        late_s = statistics.median(run.judged_s - run.took_s for run in done)
        name = f"{detectors} detect worker{'s' * (detectors > 1)}"
        print(f"{name:22}{rate:8.1f}{statistics.median(shares):18.2f}{late_s:14.1f} s    {_rates(done)}")

    print("\nCPU-ms a frame, by stage (each by itself)")
    known: dict[str, float] = {}
    for stage in spent[0]:
        known[stage] = statistics.median(one[stage] for one in spent) / count * 1000
        print(f"  {stage:14}{known[stage]:7.2f}")
    by_program = {
        program: statistics.median(run.cpu_s[program] for run in runs[1]) / count * 1000 for program in runs[1][0].cpu_s
    }
    total = sum(by_program.values())
    queue = total - by_program.get("postgres", 0.0) - by_program["check"] - sum(known.values())
    print(f"  {'queue':14}{queue:7.2f}  (what our processes and Redis spend beyond the above)")
    print(f"  {'group, judge':14}{by_program['check']:7.2f}")
    print(f"  {'Postgres':14}{by_program['postgres']:7.2f}")
    loop = statistics.median(run.cpu_s["loop"] for run in bare_runs) / count * 1000
    print(f"  {'all':14}{total:7.2f}  (bare loop {loop:.2f})")

    print("\nCPU-ms a frame and memory, by program (1 detect worker; memory: largest process, resident MiB)")
    for program, cpu_ms in sorted(by_program.items(), key=lambda pair: -pair[1]):
        print(f"  {program:14}{cpu_ms:7.2f}{max(run.memory_mib[program] for run in runs[1]):9.0f}")


def _rates(runs: Sequence[Run]) -> str:
    return ", ".join(f"{run.frames / run.took_s:.1f}" for run in runs)


if __name__ == "__main__":
    main()
