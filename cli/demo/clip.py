"""The demo's clip as an H.264 file, with what it shows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.demo.ground import HEIGHT_PX, WIDTH_PX
from cli.demo.scene import FPS, FRAMES, Car, PlateSeen, Scene, passing, plates_in
from ingest.encode import VideoWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class CarPassed:
    """A car of the clip; the seconds are those between which its plate is in the truth."""

    plate: str
    country: str  # ISO 3166-1 alpha-2
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a clip shows: its cars in the order in which they leave, and the plates of every frame."""

    fps: int
    cars: tuple[CarPassed, ...]
    frames: tuple[tuple[PlateSeen, ...], ...]


def truth_of(seed: int) -> Truth:
    """The truth of the clip of this seed."""
    passed = passing(seed)
    frames = tuple(plates_in(passed, number) for number in range(FRAMES))

    def seen(car: Car) -> CarPassed:
        shown = [number for number, plates in enumerate(frames) if any(p.plate == car.plate for p in plates)]
        return CarPassed(plate=car.plate, country=car.country, first_s=shown[0] / FPS, last_s=shown[-1] / FPS)

    return Truth(fps=FPS, cars=tuple(seen(car) for car in passed), frames=frames)


def render_clip(path: Path, *, seed: int = 7, progress: Callable[[int, int], None] | None = None) -> Truth:
    """Write the clip of this seed to `path` (MP4, H.264, 1280x720, 25 fps, 14 s) and return its truth.

    `progress` is told (frames done, frames in all) after each frame. Raises what VideoWriter raises.
    """
    scene = Scene(seed)
    with VideoWriter(path, width_px=WIDTH_PX, height_px=HEIGHT_PX, fps=FPS) as video:
        for number in range(FRAMES):
            video.write(scene.frame(number))
            if progress:
                progress(number + 1, FRAMES)
    return truth_of(seed)
