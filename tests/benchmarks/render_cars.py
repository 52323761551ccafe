"""Cars that pass a camera, as the reader that ships reads them: what the simulator and the vote's calibration rest on.

    .venv/bin/python tests/benchmarks/render_cars.py --fonts DIR [--cars N] [--looks N] [--out FILE]

Writes a line a car: its text and the candidates of each look. A car keeps its plate, dirt, angle and light over its
looks; focus, motion, noise, compression and cut are each look's own, and it comes nearer. Difficulty is even from 0
to HARDEST, so that as many single looks are right as on the crops of a dashcam that no training saw (0.88).
"""

import argparse
import gzip
import json
from math import exp, log
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.reader import load_reader
from models.render import degrade, formats
from models.render.chance import happens, uniform
from models.render.countries import COUNTRIES
from models.render.fonts import Fonts
from models.render.plate import Plate, draw_plate, framed
from models.render.view import seen

HARDEST = 0.9
SEED = 41
FAR_TO_NEAR = (0.65, 1.0)  # size of the first look and of the last
NEAR_LETTERS_PX = (14.0, 30.0)
TWO_LINE = 0.02
OVERSAMPLING = 1.3  # letters are drawn this much larger than they are seen
LEAST = 0.0005  # candidates less probable than this are left out
# A Czech road: home cars, neighbours, and some of further away.
MIXTURE = {
    "CZ": 30.0,
    **dict.fromkeys(("SK", "PL", "DE", "AT", "HU", "RO"), 5.0),
    **dict.fromkeys(("SI", "BG", "CH", "IT", "FR", "ES", "NL", "BE", "GB"), 1.0),
}
CARS = Path(__file__).with_name("rendered_cars.jsonl.gz")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--fonts", type=Path, required=True, help="as for anpr model data render")
    options.add_argument("--cars", type=int, default=1000)
    options.add_argument("--looks", type=int, default=10)
    options.add_argument("--out", type=Path, default=CARS)
    chosen = options.parse_args()
    cv2.setNumThreads(1)
    fonts, reader = Fonts.load(chosen.fonts), load_reader("tflite")
    lines: list[str] = []
    number = 0
    while len(lines) < chosen.cars:
        drawn = passing(fonts, number, chosen.looks)
        number += 1
        if drawn is None:
            continue
        text, images = drawn
        readings = reader.read(images)
        looks = [[(c.text, round(c.confidence, 4)) for c in r.candidates if c.confidence >= LEAST] for r in readings]
        lines.append(json.dumps({"text": text, "looks": looks}, separators=(",", ":")))
    chosen.out.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


def passing(fonts: Fonts, number: int, looks: int) -> tuple[str, list[NDArray[np.uint8]]] | None:
    """The text and the crops of a car, the farthest first; None for one that is too hard."""
    rng = np.random.default_rng((SEED, number))
    difficulty = float(rng.random())
    if difficulty >= HARDEST:
        return None
    text = formats.draw(rng, COUNTRIES, mixture=MIXTURE, two_line=TWO_LINE)
    low, high = map(log, NEAR_LETTERS_PX)
    letter_px = exp(rng.uniform(low, high))
    drawn_px = max(16.0, letter_px * OVERSAMPLING)
    flat = draw_plate(rng, text, fonts, cap_px=drawn_px)
    if happens(rng, 0.05 + 0.25 * difficulty):
        flat = degrade.soiled(rng, flat, drawn_px, difficulty)
    plate = framed(rng, flat, fonts, is_american=False)
    far, near = FAR_TO_NEAR
    sizes = [letter_px * (far + (near - far) * look / max(1, looks - 1)) for look in range(looks)]
    return text.text, [
        _look(plate, (SEED, number, look), scale=size / drawn_px, letter_px=size, difficulty=difficulty)
        for look, size in enumerate(sizes)
    ]


def _look(
    plate: Plate, seed: tuple[int, int, int], *, scale: float, letter_px: float, difficulty: float
) -> NDArray[np.uint8]:
    cars, own = np.random.default_rng((*seed[:2], 1000)), np.random.default_rng(seed)
    image, _ = seen(cars, plate, scale=scale, difficulty=difficulty)
    height, width = image.shape[:2]
    left, top, right, bottom = (uniform(own, 0, 0.03) for _ in range(4))
    image = image[int(height * top) : height - int(height * bottom), int(width * left) : width - int(width * right)]
    image = degrade.degraded(cars, image, letter_px=letter_px, difficulty=difficulty, effects=degrade.LIGHT)
    image = degrade.degraded(
        own, image, letter_px=letter_px, difficulty=difficulty, effects=degrade.LENS + degrade.SENSOR
    )
    return np.ascontiguousarray(image)


if __name__ == "__main__":
    main()
