"""What light, lens, sensor and codec do to a picture of a plate. Each effect: HxWx3 uint8 BGR in, a new one out."""

from collections.abc import Callable
from functools import cache
from math import ceil, cos, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from models.render.chance import happens, pick, uniform
from models.render.plate import Image

Effect = Callable[[np.random.Generator, Image, float, float], Image]  # rng, picture, letter height in px, difficulty
_LEVELS = np.linspace(0.0, 1.0, 256)
_CASTS = tuple(  # gains of blue, green, red: cameras without an infrared filter, sodium and mercury lamps, tail lights
    np.array(gains)
    for gains in (
        (0.75, 0.5, 1.0),
        (0.7, 0.55, 1.1),
        (0.45, 0.75, 1.0),
        (1.0, 0.7, 0.8),
        (1.0, 0.8, 0.5),
        (0.8, 1.0, 0.8),
        (0.4, 0.3, 1.0),
    )
)
_BANK = 1 << 19  # values; one a pixel of the largest crops


@cache
def _noise() -> NDArray[np.float32]:
    """Normal noise to cut pieces from: drawing it anew costs more than all else that is done to a crop."""
    return np.random.default_rng(20).standard_normal(_BANK, dtype=np.float32)


@cache
def _dirt() -> NDArray[np.uint8]:
    """Clouds of several sizes, 512x512, 0..255, most of it near 255 (clean)."""
    rng = np.random.default_rng(21)
    clouds = np.zeros((512, 512), np.float32)
    for cells in (6, 16, 48, 128):
        clouds += cv2.resize(rng.random((cells, cells), dtype=np.float32), (512, 512)) * (1.6 / cells**0.35)
    clouds -= clouds.min()
    clouds /= clouds.max()
    return (255 * np.clip(1.6 - 1.5 * clouds, 0, 1)).astype(np.uint8)


def soiled(rng: np.random.Generator, image: Image, _: float, difficulty: float) -> Image:
    """Dirt lies on the plate: parts are browner, letters fade into it."""
    height, width = image.shape[:2]
    side = int(uniform(rng, 60, 400))
    x, y = int(rng.random() * (512 - side)), int(rng.random() * (512 - side))
    clean = cv2.resize(_dirt()[y : y + side, x : x + side], (width, height), interpolation=cv2.INTER_LINEAR)
    strength = uniform(rng, 0.1, 0.25 + 0.5 * difficulty)
    veil = ((255 - clean) * strength).astype(np.uint8)
    keep = cv2.merge((255 - veil,) * 3)
    shade = 40 + 140 * rng.random()
    colour = np.array((0.75, 0.9, 1.0)) * shade / 255
    added = cv2.merge([cv2.convertScaleAbs(veil, alpha=float(c)) for c in colour])
    return np.asarray(cv2.add(cv2.multiply(image, keep, scale=1 / 255), added), np.uint8)


def shaded(rng: np.random.Generator, image: Image, _: float, difficulty: float) -> Image:
    """The edge of a shadow falls across the plate."""
    height, width = image.shape[:2]
    angle = rng.random() * 2 * pi
    x = np.linspace(-1, 1, width, dtype=np.float32) * cos(angle)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, np.newaxis] * sin(angle)
    sharp = uniform(rng, 1, 30)
    light = 1 - uniform(rng, 0.15, 0.35 + 0.45 * difficulty) * np.clip((x + y - uniform(rng, -0.7, 0.7)) * sharp, 0, 1)
    return (image * light[:, :, np.newaxis]).astype(np.uint8)


def uneven(rng: np.random.Generator, image: Image, _: float, difficulty: float) -> Image:
    """Light changes smoothly over the picture."""
    height, width = image.shape[:2]
    field = 1 + (rng.random((2, 3), dtype=np.float32) - 0.6) * (0.3 + 0.7 * difficulty)
    return np.clip(image * cv2.resize(field, (width, height))[:, :, np.newaxis], 0, 255).astype(np.uint8)


def glared(rng: np.random.Generator, image: Image, _: float, difficulty: float) -> Image:
    """Lamps over the plate, or the sun in it: one or two bright spots, often at the upper edge."""
    height, width = image.shape[:2]
    lit = image.astype(np.float32)
    two = happens(rng, 0.5)
    middle, apart = uniform(rng, 0.3, 0.7), uniform(rng, 0.15, 0.3)
    at_y, spread = rng.random() ** 2 * height, uniform(rng, 0.12, 0.5) * height
    strength = uniform(rng, 40, 90 + 120 * difficulty)
    down = np.exp(-(((np.arange(height, dtype=np.float32) - at_y) / spread) ** 2))[:, np.newaxis]
    for x in (middle - apart, middle + apart) if two else (middle,):
        across = np.exp(-(((np.arange(width, dtype=np.float32) - x * width) / (spread * uniform(rng, 1, 2.5))) ** 2))
        lit += (down * across * strength)[:, :, np.newaxis]
    return np.clip(lit, 0, 255).astype(np.uint8)


def moved(rng: np.random.Generator, image: Image, letter_px: float, difficulty: float) -> Image:
    """Motion blur, mostly along the road: level or upright."""
    length = letter_px * uniform(rng, 0.05, 0.08 + 0.3 * difficulty)
    size = int(length) | 1
    if size < 3:
        return image
    angle = pick(rng, (0.0, 0.0, pi / 2, rng.random() * pi))
    kernel = np.zeros((size, size), np.float32)
    dx, dy = cos(angle) * size / 2, sin(angle) * size / 2
    centre = size / 2 - 0.5
    cv2.line(kernel, (round(centre - dx), round(centre - dy)), (round(centre + dx), round(centre + dy)), (1.0,))
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.uint8)


def unfocused(rng: np.random.Generator, image: Image, letter_px: float, difficulty: float) -> Image:
    sigma = letter_px * uniform(rng, 0.02, 0.04 + 0.09 * difficulty)
    if sigma < 0.3:
        return image
    return _softened(image, sigma)


def doubled(rng: np.random.Generator, image: Image, letter_px: float, difficulty: float) -> Image:
    """A ghost beside the letters: frames blended by a codec, interlacing, a second surface."""
    dx = round(letter_px * uniform(rng, -0.3, 0.3))
    ghost = np.roll(image, (dx, round(letter_px * uniform(rng, -0.1, 0.1))), axis=(1, 0))
    share = uniform(rng, 0.1, 0.15 + 0.25 * difficulty)
    return np.asarray(cv2.addWeighted(image, 1 - share, ghost, share, 0), np.uint8)


def toned(rng: np.random.Generator, image: Image, _: float, difficulty: float) -> Image:
    """White balance, exposure and night in one look-up: casts of street lamps, burnt whites, dark and flat pictures."""
    gain, offset, gamma = 1 + (rng.random(3) - 0.5) * (0.1 + 0.3 * difficulty), 0.0, 1.0
    if happens(rng, 0.25 * difficulty):
        gain = gain * pick(rng, _CASTS)
    if happens(rng, 0.3 + 0.3 * difficulty):
        contrast = uniform(rng, 0.9 - 0.55 * difficulty, 1.1 + 0.6 * difficulty)
        gain = gain * contrast
        offset = uniform(rng, -20, 20) + rng.random() * difficulty * (110 if contrast < 1 else -40)
    if happens(rng, 0.15 * difficulty):
        gamma = uniform(rng, 1.0, 1.3 + difficulty)
        gain, offset = gain * uniform(rng, 0.35, 0.9), offset + rng.random() * 30
    levels = 255 * _LEVELS**gamma if gamma > 1 else 255 * _LEVELS
    table = np.clip(levels[:, np.newaxis] * gain + offset, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[:, np.newaxis, :]), np.uint8)


def in_infrared(rng: np.random.Generator, image: Image, _: float, difficulty: float) -> Image:
    """Grey from an infrared camera: mostly the red channel, bright foil."""
    weights = rng.random(3) * 0.4 + (0, 0.1, 0.6)
    grey = cv2.transform(image, (weights / weights.sum())[np.newaxis].astype(np.float32))
    return np.asarray(
        cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=uniform(rng, 0.8, 1.2 + 0.4 * difficulty)), cv2.COLOR_GRAY2BGR),
        np.uint8,
    )


def without_colour(_: np.random.Generator, image: Image, __: float, ___: float) -> Image:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def noisy(rng: np.random.Generator, image: Image, letter_px: float, difficulty: float) -> Image:
    """Sensor noise: of all channels alike, or of each."""
    height, width = image.shape[:2]
    depth = 1 if happens(rng, 0.5) else 3
    needed = height * width * depth
    if needed >= _BANK:
        return image  # too large a crop for noise to matter to a reader
    start = int(rng.random() * (_BANK - needed))
    amount = uniform(rng, 1, 5) + rng.random() ** 2 * 16 * difficulty * min(1.0, letter_px / 24)  # small letters drown
    grain = _noise()[start : start + needed].reshape(height, width, depth)
    if happens(rng, 0.3):
        grain = cv2.blur(grain, (2, 2)).reshape(height, width, depth) * 2
    return np.clip(image + grain * np.float32(amount), 0, 255).astype(np.uint8)


def sharpened(rng: np.random.Generator, image: Image, _: float, difficulty: float) -> Image:
    """The halo of a camera's sharpening."""
    amount = uniform(rng, 0.3, 0.6 + 1.2 * difficulty)
    soft = _softened(image, uniform(rng, 0.7, 1.6))
    return np.asarray(cv2.addWeighted(image, 1 + amount, soft, -amount, 0), np.uint8)


def _softened(image: Image, sigma: float) -> Image:
    size = 2 * ceil(2 * sigma) + 1
    return np.asarray(cv2.GaussianBlur(image, (size, size), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)


def compressed(rng: np.random.Generator, image: Image, _: float, difficulty: float) -> Image:
    """A JPEG as cameras and videos give it."""
    quality = int(uniform(rng, 92 - 65 * difficulty, 96))
    _, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


# In the order in which light meets them; the chance of each at difficulty 0 and 1.
LIGHT: tuple[tuple[float, float, Effect], ...] = (
    (0.1, 0.3, uneven),
    (0.05, 0.25, shaded),
    (0.0, 0.2, glared),
)
LENS: tuple[tuple[float, float, Effect], ...] = ((0.2, 0.75, unfocused), (0.0, 0.35, moved), (0.0, 0.08, doubled))
SENSOR: tuple[tuple[float, float, Effect], ...] = (
    (0.6, 0.95, toned),
    (0.0, 0.08, in_infrared),
    (0.05, 0.12, without_colour),
    (0.3, 0.75, noisy),
    (0.0, 0.3, sharpened),
    (0.3, 0.75, compressed),
)


def degraded(
    rng: np.random.Generator,
    image: Image,
    *,
    letter_px: float,
    difficulty: float,
    effects: tuple[tuple[float, float, Effect], ...] = LIGHT + LENS + SENSOR,
) -> Image:
    """The picture after a random choice of effects, whose number and strength grow with difficulty (0..1)."""
    for easy, hard, effect in effects:
        if happens(rng, easy + (hard - easy) * difficulty):
            image = effect(rng, image, letter_px, difficulty)
    return image
