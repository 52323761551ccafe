"""What cameras make of a scene: light, colour, focus, noise, compression. HxWx3 uint8 BGR in, a new one out."""

from math import exp

import cv2
import numpy as np

from models.detector.pictures import Image
from models.render.chance import happens, uniform

_RAMP = np.arange(256, dtype=np.float32)


def developed(rng: np.random.Generator, image: Image) -> Image:
    """A picture as another camera, in another light, might have taken it."""
    image = _coloured(rng, image)
    image = _lit(rng, image)
    if happens(rng, 0.25):
        image = _blurred(rng, image)
    if happens(rng, 0.25):
        image = _noisy(rng, image)
    if happens(rng, 0.35):
        image = _compressed(rng, image)
    return image


def _coloured(rng: np.random.Generator, image: Image) -> Image:
    """Grey as in infrared light, without its cast, of other hues, or as it was."""
    kind = rng.random()
    if kind < 0.15:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        return np.asarray(cv2.merge((grey, grey, grey)), np.uint8)
    if kind < 0.27:
        means = image.reshape(-1, 3).mean(axis=0) + 1
        return _mapped(image, np.clip(means.mean() / means, 0.4, 2.5))
    if kind < 0.5:
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
        hue, saturation, value = cv2.split(hsv)
        turn = int(uniform(rng, -30, 30)) % 180
        hue = cv2.LUT(hue, ((np.arange(256) + turn) % 180).astype(np.uint8))
        saturation = cv2.convertScaleAbs(saturation, alpha=uniform(rng, 0.3, 1.5))
        return np.asarray(cv2.cvtColor(cv2.merge((hue, saturation, value)), cv2.COLOR_HSV2BGR), np.uint8)
    return image


def _mapped(image: Image, gains: np.ndarray) -> Image:
    table = np.clip(_RAMP[:, np.newaxis] * gains, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[np.newaxis]), np.uint8)


def _lit(rng: np.random.Generator, image: Image) -> Image:
    """Other exposure, contrast, gamma and balance of colours, by one table a channel."""
    if happens(rng, 0.15):
        return image
    gamma, contrast = exp(uniform(rng, -0.5, 0.5)), uniform(rng, 0.6, 1.35)
    light = uniform(rng, -35, 35) if happens(rng, 0.85) else uniform(rng, -90, 60)
    table = 255 * (_RAMP / 255) ** gamma
    table = (table - 110) * contrast + 110 + light
    gains = np.exp(rng.normal(0, 0.08, 3)) if happens(rng, 0.6) else np.ones(3)
    return np.asarray(
        cv2.LUT(image, np.clip(table[:, np.newaxis] * gains, 0, 255).astype(np.uint8)[np.newaxis]), np.uint8
    )


def _blurred(rng: np.random.Generator, image: Image) -> Image:
    if happens(rng, 0.6):
        return np.asarray(cv2.GaussianBlur(image, (0, 0), uniform(rng, 0.4, 1.3)), np.uint8)
    length = 3 + 2 * int(rng.random() * 2)
    kernel = np.zeros((length, length), np.float32)
    if happens(rng, 0.6):
        kernel[length // 2] = 1 / length
    else:
        kernel[:, length // 2] = 1 / length
    return np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)


def _noisy(rng: np.random.Generator, image: Image) -> Image:
    height, width = image.shape[:2]
    strength, channels = uniform(rng, 2, 14), 1 if happens(rng, 0.5) else 3
    noise = np.empty((height, width, channels), np.int16)
    cv2.setRNGSeed(int(rng.random() * 2**31))
    cv2.randn(noise, np.zeros(channels), np.full(channels, strength))
    return np.clip(image + noise.reshape(height, width, channels), 0, 255).astype(np.uint8)


def _compressed(rng: np.random.Generator, image: Image) -> Image:
    quality = int(uniform(rng, 25, 90))
    _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
