"""A flat plate as a camera sees it: turned in space, cut out loosely, on some bodywork."""

from math import ceil, cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from models.render.chance import happens, uniform
from models.render.plate import Image, Plate

HALF = np.float32(0.5)  # OpenCV warps between centres of pixels; our corners are their edges
MOST_PX = 900  # longest side of a crop
_LEAST_PX = 8
_DEEPEST_CUT = 0.02  # of the plate on a side: the rim may go, the letters stay


def seen(
    rng: np.random.Generator, plate: Plate, *, scale: float, difficulty: float
) -> tuple[Image, NDArray[np.float32]]:
    """A crop round the plate and its corners in it (4x2 float32, top left first, clockwise; outside where it is cut).

    `scale` is crop pixels a pixel of the plate's picture, for a plate seen from the front.
    """
    height, width = plate.image.shape[:2]
    outer = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    turned = turned_quad(rng, outer, scale=scale, difficulty=difficulty)
    corners = cv2.perspectiveTransform(plate.corners[np.newaxis], cv2.getPerspectiveTransform(outer, turned))[0]
    left, top, right, bottom = _cut(rng, corners, difficulty)
    size = (
        min(MOST_PX, max(_LEAST_PX, ceil(right - left))),
        min(MOST_PX, max(_LEAST_PX, ceil(bottom - top))),
    )
    shift = np.array((left, top), np.float32)
    canvas = surroundings(rng, *size)
    warped = cv2.warpPerspective(
        plate.image,
        cv2.getPerspectiveTransform(outer - HALF, turned - shift - HALF),
        size,
        dst=canvas,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    return np.asarray(warped, np.uint8), np.asarray(corners - shift, np.float32)


def turned_quad(
    rng: np.random.Generator, outer: NDArray[np.float32], *, scale: float, difficulty: float
) -> NDArray[np.float32]:
    """The corners of a rectangle after a turn in space and a stretch, 4x2 float32."""
    yaw = _angle(rng, 4 + 24 * difficulty, 58)
    pitch = _angle(rng, 3 + 14 * difficulty, 40)
    roll = _angle(rng, 1 + 7 * difficulty, 25)
    reach = float(outer[2, 0]) * uniform(rng, 1.6, 8)  # distance of the camera
    centred = outer - outer[2] / 2
    x, y = centred[:, 0] * cos(yaw), centred[:, 1] * cos(pitch)
    depth = reach + centred[:, 0] * sin(yaw) + centred[:, 1] * sin(pitch)
    y = y + centred[:, 0] * sin(yaw) * sin(pitch)
    x, y = x * reach / depth, y * reach / depth
    stretch = 1 + (rng.random() - 0.5) * (0.15 + 0.5 * difficulty)
    flat = np.stack((x * cos(roll) - y * sin(roll), x * sin(roll) + y * cos(roll)), axis=1)
    return (flat * (scale * stretch**0.5, scale / stretch**0.5)).astype(np.float32)


def surroundings(rng: np.random.Generator, width: int, height: int) -> Image:
    """Bodywork: smooth shades of one colour, sometimes with edges across."""
    base = rng.random(3) * 60 + rng.random() ** 1.5 * 180
    patch = base + (rng.random((3, 4, 1)) - 0.5) * 130 * rng.random()
    image = np.asarray(
        cv2.resize(np.clip(patch, 0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
    )
    for _ in range(int(rng.random() * 3.5)):
        shade = rng.random(3) * 40 + rng.random() * 200
        y0, y1 = round(rng.random() * height), round(rng.random() * height)
        if happens(rng, 0.5):
            cv2.line(
                image, (0, y0), (width, y0 + (y1 - y0) // 4), shade.tolist(), 1 + int(rng.random() * height * 0.12)
            )
        else:
            x = round(rng.random() * width)
            cv2.line(
                image, (x, y0), (round(rng.random() * width), y1), shade.tolist(), 1 + int(rng.random() * height * 0.12)
            )
    return image


def _angle(rng: np.random.Generator, spread: float, most: float) -> float:
    """Radians; `spread` (standard deviation) and `most` in degrees."""
    return radians(min(most, max(-most, float(rng.standard_normal()) * spread)))


def _cut(
    rng: np.random.Generator, corners: NDArray[np.float32], difficulty: float
) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the crop: a detector's box, loose or shifted."""
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    width, height = float(right - left), float(bottom - top)
    loose = rng.random() ** 2 * (0.06 + 0.24 * difficulty)
    room = loose * (0.5 + rng.random(4)) + (rng.random(4) - 0.35) * (0.02 + 0.06 * difficulty)
    room = np.maximum(room, -_DEEPEST_CUT)
    return (
        float(left) - width * float(room[0]),
        float(top) - height * float(room[1]),
        float(right) + width * float(room[2]),
        float(bottom) + height * float(room[3]),
    )
