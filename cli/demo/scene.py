"""A toll camera's view: two lanes of cars that slow down, come close and leave below the picture; with the truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr.types import Box
from cli.demo import cars, ground
from cli.demo.canvas import Canvas, Image, halvings
from cli.demo.ground import HEIGHT_PX, WIDTH_PX
from cli.demo.plates import draw_plate

FPS: Final = 25
FRAMES: Final = 14 * FPS
SMALLEST_PLATE_PX: Final = 30.0  # narrower plates are not in the truth: nobody reads them
_LEAN = 1.3  # metres that a car's front lies back for each metre of height: bonnet and windscreen
_NEAR_M, _FAR_M = 4.0, 260.0
_SHAKE_PX = 61  # one field of noise, laid on elsewhere in each frame
_PAINTS = ((60, 48, 150), (128, 72, 34), (158, 162, 164), (70, 68, 66), (92, 104, 60), (222, 224, 224))


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """One car that passes: its plate as written (spaces as on the plate) and when the plate leaves the picture."""

    written: str
    country: str  # ISO 3166-1 alpha-2
    body: cars.Body
    paint: cars.Colour
    x_m: float  # of its middle, right of the camera
    leaves_s: float

    @property
    def plate(self) -> str:
        return self.written.replace(" ", "")

    def distance_m(self, at_s: float) -> float:
        """Metres from the camera to the car's front: it brakes, its speed in m/s 5 + 0.12 × distance."""
        return (_GONE_M + 41.7) * exp(0.12 * (self.leaves_s - at_s)) - 41.7


_GONE_M = 18.0
# what passes, nearest first: written plate, country, lane (-1 left, 1 right), seconds until it leaves
_PASSING = (
    ("1A2 3456", "CZ", cars.HATCHBACK, 1, 2.9),
    ("M KT 4173", "DE", cars.SALOON, -1, 4.0),
    ("5H7 1964", "CZ", cars.SUV, 1, 6.5),
    ("KR 4E713", "PL", cars.HATCHBACK, -1, 8.3),
    ("G 347 KL", "AT", cars.SALOON, 1, 10.3),
    ("KE 417 HT", "SK", cars.VAN, -1, 12.2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateSeen:
    """A plate in one frame."""

    plate: str
    box: Box


def passing(seed: int) -> tuple[Car, ...]:
    """The cars of this seed in the order in which they leave; plates and countries are the same for every seed."""
    rng = np.random.default_rng(seed)
    paints = rng.permutation(len(_PAINTS))
    return tuple(
        Car(
            written=written,
            country=country,
            body=body,
            paint=_PAINTS[paints[i]],
            x_m=lane * 1.7 + float(rng.uniform(-0.12, 0.12)),
            leaves_s=leaves_s + float(rng.uniform(-0.15, 0.15)),
        )
        for i, (written, country, body, lane, leaves_s) in enumerate(_PASSING)
    )


def plates_in(passed: Sequence[Car], number: int) -> tuple[PlateSeen, ...]:
    """The plates of frame `number`, nearest first: wholly inside it, unhidden, SMALLEST_PLATE_PX wide or more."""
    seen: list[PlateSeen] = []
    nearer: list[Box] = []
    for i in reversed(_far_to_near(passed, number)):
        car, distance = passed[i], passed[i].distance_m(number / FPS)
        box = _bounds(_on_front(car, distance, cars.plate_corners(car.body)))
        inside = box.x1 >= 0 and box.y1 >= 0 and box.x2 <= WIDTH_PX and box.y2 <= HEIGHT_PX
        if inside and box.width >= SMALLEST_PLATE_PX and not any(box.iou(other) for other in nearer):
            seen.append(PlateSeen(plate=car.plate, box=box))
        half = car.body.width / 2
        nearer.append(_bounds(_on_front(car, distance, np.array([(-half, 0), (half, car.body.roof)], np.float32))))
    return tuple(seen)


class Scene:
    """All frames of one seed, each to be drawn by itself."""

    def __init__(self, seed: int, *, with_plates: bool = True) -> None:
        self.cars = passing(seed)
        rng = np.random.default_rng(seed)
        self._empty = ground.draw_empty_road(rng)
        grain = rng.normal(0, 1.5, (HEIGHT_PX + _SHAKE_PX, WIDTH_PX + _SHAKE_PX, 1)).repeat(3, axis=2)
        # 8-bit sums are an order of magnitude faster than signed ones: what to add, what to take away
        self._more, self._less = (np.clip(sign * grain, 0, 20).astype(np.uint8) for sign in (1, -1))
        self._fronts = [
            halvings(cars.draw_front(c.body, c.paint, draw_plate(c.written, c.country) if with_plates else None))
            for c in self.cars
        ]
        self._shadow = halvings(_draw_shadow())

    def frame(self, number: int) -> Image:
        """Frame `number` of FRAMES, 720x1280x3 uint8 BGR."""
        canvas = Canvas(self._empty)
        for i in _far_to_near(self.cars, number):
            self._draw(canvas, i, self.cars[i].distance_m(number / FPS))
        soft = cv2.GaussianBlur(canvas.image, (3, 3), 0.6)
        x, y = number * 53 % _SHAKE_PX, number * 37 % _SHAKE_PX
        window = np.s_[y : y + HEIGHT_PX, x : x + WIDTH_PX]
        return cv2.subtract(cv2.add(soft, self._more[window]), self._less[window]).astype(np.uint8, copy=False)

    def _draw(self, canvas: Canvas, i: int, distance: float) -> None:
        car = self.cars[i]
        haze = 1 - exp(-max(0.0, distance - 45) / 420)
        left, right = car.x_m - car.body.width / 2 - 0.35, car.x_m + car.body.width / 2 + 0.35
        near, rear = distance - 0.7, distance + 5
        on_road = ground.project([(left, 0, rear), (right, 0, rear), (right, 0, near), (left, 0, near)])
        canvas.lay(self._shadow, on_road)
        for corners, colour in cars.flanks(car.body, car.paint):
            blue, green, red = (c * (1 - haze) + h * haze for c, h in zip(colour, ground.HAZE, strict=True))
            placed = ground.project([(car.x_m + x, y, distance + z) for x, y, z in corners])
            canvas.polygon(placed, (blue, green, red))
        half, top = cars.WIDTH_M / 2, cars.HEIGHT_M
        corners = np.array([(-half, top), (half, top), (half, 0), (-half, 0)], np.float32)
        canvas.lay(self._fronts[i], _on_front(car, distance, corners), haze=haze, veil=ground.HAZE)


def _far_to_near(passed: Sequence[Car], number: int) -> list[int]:
    distances = {i: car.distance_m(number / FPS) for i, car in enumerate(passed)}
    return sorted((i for i, d in distances.items() if _NEAR_M < d < _FAR_M), key=lambda i: -distances[i])


def frames(seed: int) -> Iterator[Image]:
    """The FRAMES frames of this seed, each 720x1280x3 uint8 BGR."""
    scene = Scene(seed)
    return (scene.frame(number) for number in range(FRAMES))


def _on_front(car: Car, distance: float, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Nx2 metres on the car's front → Nx2 pixels of the frame."""
    return ground.project([(car.x_m + float(x), float(y), distance + _LEAN * float(y)) for x, y in points])


def _bounds(points: NDArray[np.float32]) -> Box:
    (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Box(x1=x1, y1=y1, x2=x2, y2=y2)


def _draw_shadow() -> Image:
    cover = np.zeros((160, 96), np.uint8)
    cv2.rectangle(cover, (16, 16), (79, 150), 190, -1)
    picture = np.zeros((160, 96, 4), np.uint8)
    picture[:, :, 3] = cv2.GaussianBlur(cover, (0, 0), 6)
    return picture
