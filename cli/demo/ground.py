"""The camera's geometry and the picture of the empty road."""

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cli.demo.canvas import Canvas, Image

WIDTH_PX: Final = 1280
HEIGHT_PX: Final = 720
FOCAL_PX: Final = 5000.0  # a long lens, as toll cameras have: a plate 20 m away is 130 px wide
HORIZON_PX: Final = 110.0
CAMERA_M: Final = 2.7  # over the road, between its two lanes
HAZE: Final = (206.0, 200.0, 190.0)  # BGR
_HALF_ROAD_M = 3.6


def project(points: Sequence[tuple[float, float, float]]) -> NDArray[np.float32]:
    """Points (metres right of the camera, over the road, in front of it) → Nx2 float32 pixels of the frame."""
    x, y, z = np.array(points, np.float64).T
    return np.stack([WIDTH_PX / 2 + FOCAL_PX * x / z, HORIZON_PX + FOCAL_PX * (CAMERA_M - y) / z], axis=1).astype(
        np.float32
    )


def _texture(rng: np.random.Generator, cell_px: int, *, width_px: int = WIDTH_PX) -> NDArray[np.float32]:
    """HxW float32 noise about -1..1 whose grains are cell_px wide and a third as high."""
    size = (HEIGHT_PX * 3 // cell_px + 2, width_px // cell_px + 2)
    coarse = rng.uniform(-1, 1, size).astype(np.float32)
    return cv2.resize(coarse, (width_px, HEIGHT_PX), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _mix(
    image: NDArray[np.floating[Any]], colour: tuple[int, int, int], cover: NDArray[np.float32]
) -> NDArray[np.float32]:
    mixed = image * (1 - cover[:, :, None]) + np.array(colour, np.float32) * cover[:, :, None]
    return mixed.astype(np.float32, copy=False)


def _sky_and_hills(rng: np.random.Generator) -> NDArray[np.float32]:
    rows = np.linspace(0, 1, HEIGHT_PX, dtype=np.float32)[:, None, None]
    blend = np.clip(rows * HEIGHT_PX / HORIZON_PX, 0, 1)
    image = np.array((214, 178, 142), np.float32) * (1 - blend) + np.array((228, 222, 214), np.float32) * blend
    image = np.repeat(image, WIDTH_PX, axis=1)
    image = _mix(image, (240, 238, 236), np.clip(_texture(rng, 240) * 0.9 - 0.1, 0, 0.6).astype(np.float32))
    x = np.arange(WIDTH_PX, dtype=np.float32)
    y = np.arange(HEIGHT_PX, dtype=np.float32)[:, None]
    for base, swing, colour in ((62, 14, (184, 172, 158)), (82, 10, (150, 152, 138)), (98, 7, (92, 122, 104))):
        phases = rng.uniform(0, 6.28, 3)
        skyline = base + sum(swing / (i + 1) * np.sin(x / (260 / (i * 1.7 + 1)) + p) for i, p in enumerate(phases))
        if swing < 10:  # the nearest hills are wooded
            skyline = skyline + cv2.blur(rng.uniform(-9, 9, (1, WIDTH_PX)).astype(np.float32), (5, 1))[0]
        image = _mix(image, colour, np.clip(y - skyline, 0, 1).astype(np.float32))
    return image


def _ground(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The ground's colour for every pixel, and its cover: 0 over the horizon."""
    y = np.arange(HEIGHT_PX, dtype=np.float32)[:, None] + 0.5
    depth = FOCAL_PX * CAMERA_M / np.maximum(y - HORIZON_PX, 0.5)
    side = (np.arange(WIDTH_PX, dtype=np.float32)[None, :] + 0.5 - WIDTH_PX / 2) * depth / FOCAL_PX
    px = depth / FOCAL_PX  # metres a pixel, for edges one pixel soft

    def band(middle: float, half: float) -> NDArray[np.float32]:
        return np.clip((half - np.abs(side - middle)) / px + 0.5, 0, 1).astype(np.float32)

    grain = _texture(rng, 3)
    grass = np.array((74, 116, 98), np.float32) + (_texture(rng, 40) * 12 + grain * 9)[:, :, None]
    grass = _mix(grass, (112, 138, 142), band(0, _HALF_ROAD_M + 1.3) * np.float32(0.75))
    asphalt = np.array((112, 110, 108), np.float32) + (_texture(rng, 90) * 4 + grain * 5)[:, :, None]
    for middle in (-2.45, -0.95, 0.95, 2.45):  # wheel tracks
        asphalt -= np.exp(-(((side - middle) / 0.35) ** 2))[:, :, None] * 7
    image = grass + (asphalt - grass) * band(0, _HALF_ROAD_M)[:, :, None]
    dashes = ((depth % 9.0) < 4.0).astype(np.float32)
    for paint in (band(-3.35, 0.07), band(3.35, 0.07), band(0, 0.07) * dashes):
        image = _mix(image, (222, 226, 226), paint * np.float32(0.85))
    haze = 0.7 * (1 - np.exp(-depth / 420))
    image = image * (1 - haze[:, :, None]) + np.array(HAZE, np.float32) * haze[:, :, None]
    cover = np.broadcast_to(np.clip(y - HORIZON_PX, 0, 1), (HEIGHT_PX, WIDTH_PX)).astype(np.float32)
    return image.astype(np.float32), cover


def _draw_trees(canvas: Canvas, rng: np.random.Generator) -> None:
    leaves = 100
    rise = np.linspace(0, 1, leaves)
    for z in sorted(rng.uniform(75, 420, 45).tolist(), reverse=True):
        x, size = float(rng.choice((-1, 1)) * rng.uniform(9, 9 + z * 0.14)), float(rng.uniform(0.7, 2.4))
        boughs = np.clip(rng.normal(0, 0.3, (leaves // 12 + 1, 2)), -0.5, 0.5)
        offset = boughs[np.arange(leaves) % len(boughs)] + np.clip(rng.normal(0, 0.16, (leaves, 2)), -0.3, 0.3)
        up = np.maximum(0.05, size * (0.5 + 0.35 * rise + 0.8 * offset[:, 1]))
        light = 0.6 + 0.65 * rise + rng.normal(0, 0.06, leaves)  # the light leaves last and higher
        haze = 0.8 * (1 - np.exp(-z / 300))
        colours = np.array((44, 82, 60)) * light[:, None] * (1 - haze) + np.array(HAZE) * haze
        corners = [(x + size * dx, y, z) for dx, y in zip(offset[:, 0].tolist(), up.tolist(), strict=True)]
        for (px, py), (blue, green, red) in zip(project(corners).tolist(), colours.tolist(), strict=True):
            canvas.disc(px, py, FOCAL_PX * 0.08 * size / z, (blue, green, red))


def _draw_rails(canvas: Canvas) -> None:
    for x in (-5.0, 5.0):
        for z in range(300, 16, -4):
            post = project([(x - 0.06, 0, z), (x - 0.06, 0.7, z), (x + 0.06, 0.7, z), (x + 0.06, 0, z)])
            canvas.polygon(post, (120, 122, 122))
        for low, high, colour in ((0.45, 0.6, (150, 154, 154)), (0.6, 0.75, (188, 192, 192))):
            canvas.polygon(project([(x, low, 304), (x, high, 304), (x, high, 14), (x, low, 14)]), colour)


def draw_empty_road(rng: np.random.Generator) -> Image:
    """The scene without cars, 720x1280x3 uint8 BGR."""
    sky, (land, cover) = _sky_and_hills(rng), _ground(rng)
    image = sky + (land - sky) * cover[:, :, None]
    canvas = Canvas(np.clip(image, 0, 255).astype(np.uint8))
    _draw_trees(canvas, rng)
    _draw_rails(canvas)
    return canvas.image
