"""What the end-to-end tests share: a clip of the demo's road, and one pipeline that each test may hurt.

To start a pipeline's processes takes longer than most of what happens to them here; so they are started once, and again
only where a test left them dead.
"""

from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """14 s of the demo's road with all its cars."""
    path = tmp_path_factory.mktemp("clip") / "road.mp4"
    drawn = scene.Scene(SEED)
    numbers = range(0, scene.FRAMES, STRIDE)
    with VideoWriter(path, width_px=WIDTH_PX, height_px=HEIGHT_PX, fps=scene.FPS / STRIDE) as video:
        for number in numbers:
            video.write(drawn.frame(number))
    return Clip(path=path, frames=len(numbers), cars=truth_of(SEED).cars)


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
def undisturbed(clip: Clip, shared_pipeline: Pipeline) -> Found:
    """What every frame of the clip gives where nothing happens."""
    shared_pipeline.keep("detect", "read", "check")
    shared_pipeline.ingest("calm", url=str(clip.path), queue=QUEUE, **EVERY_FRAME)
    session = shared_pipeline.settled("calm")
    assert (session.offered, session.sampled, session.complete) == (clip.frames, clip.frames, True)
    assert (session.expired, session.failed, session.corrupt) == (0, 0, 0)
    return found(shared_pipeline.database, session)
