"""What the end-to-end tests share: a clip of the demo's road, and one pipeline that each test may hurt.

To start a pipeline's processes takes longer than most of what happens to them here; so they are started once, and again
only where a test left them dead.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pipeline import EVERY_FRAME, QUEUE, Found, OwnServers, Pipeline, emptied, found
from servers import open_directory

from cli.demo import scene
from cli.demo.clip import CarPassed, truth_of
from cli.demo.ground import HEIGHT_PX, WIDTH_PX
from cli.embedded import EmbeddedServers
from ingest.encode import VideoWriter

SEED = 7
STRIDE = 4  # the demo's clip with every fourth frame: a quarter of the work


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    path: Path
    frames: int
    cars: tuple[CarPassed, ...]


MadeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """A file by its name, made by the first of the run's processes that asks for it; the others wait for that."""
    own = tmp_path_factory.getbasetemp()
    directory = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def made(name: str, make: Callable[[Path], object]) -> Path:
        path, unfinished = directory / name, directory / f"unfinished-{name}"
        with (directory / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                make(unfinished)
                unfinished.rename(path)
        return path

    return made


@pytest.fixture(scope="session")
def clip(made_once: MadeOnce) -> Clip:
    """14 s of the demo's road with all its cars."""
    numbers = range(0, scene.FRAMES, STRIDE)

    def draw(path: Path) -> None:
        drawn = scene.Scene(SEED)
        with VideoWriter(path, width_px=WIDTH_PX, height_px=HEIGHT_PX, fps=scene.FPS / STRIDE) as video:
            for number in numbers:
                video.write(drawn.frame(number))

    return Clip(path=made_once("road.mp4", draw), frames=len(numbers), cars=truth_of(SEED).cars)


@pytest.fixture(scope="session")
def own_servers() -> Iterator[OwnServers]:
    """Servers of the end-to-end tests alone: these may kill and freeze them."""
    with (
        open_directory() as directory,
        EmbeddedServers(directory / "data") as embedded,
        emptied(embedded) as servers,
    ):
        yield servers


@pytest.fixture(scope="session")
def shared_pipeline(own_servers: OwnServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with Pipeline(tmp_path_factory.mktemp("pipeline"), own_servers) as pipeline:
        yield pipeline


@pytest.fixture
def pipeline(own_servers: OwnServers, shared_pipeline: Pipeline) -> Iterator[Pipeline]:
    """A worker of each stage, ready and with nothing to do; ingest is for the test to start."""
    own_servers.embedded.poll()
    shared_pipeline.keep("detect", "read", "check")
    yield shared_pipeline
    own_servers.embedded.poll()


@pytest.fixture(scope="session")
def undisturbed(clip: Clip, made_once: MadeOnce, request: pytest.FixtureRequest) -> Found:
    """What every frame of the clip gives where nothing happens."""

    def find(path: Path) -> None:
        pipeline: Pipeline = request.getfixturevalue("shared_pipeline")
        pipeline.keep("detect", "read", "check")
        pipeline.ingest("calm", url=str(clip.path), queue=QUEUE, **EVERY_FRAME)
        session = pipeline.settled("calm")
        assert (session.offered, session.sampled, session.complete) == (clip.frames, clip.frames, True)
        assert (session.expired, session.failed, session.corrupt) == (0, 0, 0)
        calm = found(pipeline.database, session)
        path.write_text(json.dumps([sorted(calm.plates), calm.events]))

    plates, events = json.loads(made_once("undisturbed.json", find).read_text())
    return Found(plates={tuple(one) for one in plates}, events=[tuple(one) for one in events])
