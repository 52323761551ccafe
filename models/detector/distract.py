"""What is no plate but has something of one: time stamps, signs, stickers, badges, lamps and windows."""

from collections.abc import Sequence
from math import exp, log

import cv2
import numpy as np

from anpr.types import Box
from models.detector.pictures import Image
from models.render.chance import happens, pick, uniform
from models.render.fonts import Face, Fonts

_WORDS = (
    "exit", "hotel", "Centrum", "sale", "taxi", "open", "pharmacy", "diesel", "turbo", "4x4", "quattro", "hybrid",
    "airport", "stop", "zone 30", "km", "parking", "welcome", "delivery", "express", "fresh bread", "call now",
    "24 h", "baby on board", "keep distance", "school", "police", "rent me", "motorsport", "f.c. united",
)  # fmt: skip
_TRIES = 6
Colour = tuple[int, int, int]


def distracted(rng: np.random.Generator, image: Image, fonts: Fonts, *, taken: Sequence[Box]) -> Image:
    """A copy of a picture (HxWx3 uint8 BGR) with one to three such things; none touches a box of `taken`."""
    picture = image.copy()
    for _ in range(1 + int(rng.random() * 3)):
        face = fonts.pick(rng)
        kind = rng.random()
        if kind < 0.25:
            _stamp(rng, picture, face, taken)
        elif kind < 0.75:
            _sign(rng, picture, face, taken)
        else:
            _pane(rng, picture, taken)
    return picture


def _stamp(rng: np.random.Generator, picture: Image, face: Face, taken: Sequence[Box]) -> None:
    """Date and time as recorders write them, along an edge, with or without a bar behind."""
    d = [int(rng.random() * n) for n in (28, 12, 40, 24, 60, 60)]
    date = pick(rng, (f"{d[0] + 1:02}/{d[1] + 1:02}/20{d[2]:02}", f"20{d[2]:02}-{d[1] + 1:02}-{d[0] + 1:02}"))
    text = pick(rng, (f"{date} {d[3]:02}:{d[4]:02}:{d[5]:02}", f"{d[3]:02}:{d[4]:02}:{d[5]:02}", date, "CAM 01"))
    height = picture.shape[0] * uniform(rng, 0.025, 0.07)
    place = _place(rng, picture, _size(face, text, height, 1.1), taken, at_edge=True)
    if place is not None:
        backs: tuple[Colour | None, ...] = (None, None, (0, 0, 0), (40, 40, 40))
        _write(rng, picture, face, text, place, back=pick(rng, backs), ink=pick(rng, ((255, 255, 255), (60, 230, 255))))


def _sign(rng: np.random.Generator, picture: Image, face: Face, taken: Sequence[Box]) -> None:
    """Words on a coloured board or sticker: traffic signs, adverts, badges."""
    text = " ".join(pick(rng, _WORDS) for _ in range(1 + int(rng.random() * 2)))
    height = exp(uniform(rng, log(5), log(max(6.0, picture.shape[0] * 0.12))))
    place = _place(rng, picture, _size(face, text, height, uniform(rng, 1.2, 3)), taken)
    if place is None:
        return
    back, ink = _colour(rng), (255, 255, 255)
    if sum(back) > 380:
        ink = pick(rng, ((0, 0, 0), (140, 40, 10), (20, 20, 170)))
    _write(rng, picture, face, text, place, back=None if happens(rng, 0.25) else back, ink=ink)


def _pane(rng: np.random.Generator, picture: Image, taken: Sequence[Box]) -> None:
    """A bright or dark rectangle without letters: a lamp, a window, a reflector, a blank sticker."""
    height = exp(uniform(rng, log(4), log(max(6.0, picture.shape[0] * 0.2))))
    place = _place(rng, picture, (round(height * uniform(rng, 0.6, 6)), round(height)), taken)
    if place is None:
        return
    x1, y1, x2, y2 = place
    back = np.array(_colour(rng), np.float32) * np.linspace(uniform(rng, 0.6, 1), 1, y2 - y1)[:, np.newaxis]
    if happens(rng, 0.3):
        back = np.repeat(np.array([[255.0, 255.0, 255.0]], np.float32) * uniform(rng, 0.7, 1.0), y2 - y1, axis=0)
    picture[y1:y2, x1:x2] = back[:, np.newaxis].astype(np.uint8)
    if happens(rng, 0.6):
        area = picture[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2]
        area[:] = cv2.GaussianBlur(area, (0, 0), uniform(rng, 0.5, 1.6))


def _write(
    rng: np.random.Generator,
    picture: Image,
    face: Face,
    text: str,
    place: tuple[int, int, int, int],
    *,
    back: Colour | None,
    ink: Colour,
) -> None:
    x1, y1, x2, y2 = place
    light = uniform(rng, 0.35, 1.0)
    area = picture[y1:y2, x1:x2]
    if back is not None:
        area[:] = [round(c * light) for c in back]
    dx, dy = round((x2 - x1) * 0.06), round((y2 - y1) * uniform(rng, 0.05, 0.25))
    inner = area[dy : y2 - y1 - dy, dx : x2 - x1 - dx]
    if min(inner.shape[:2]) < 2:
        return
    mask = cv2.resize(face.word(text), (inner.shape[1], inner.shape[0]), interpolation=cv2.INTER_AREA)
    alpha = mask[:, :, np.newaxis].astype(np.float32) / 255
    inner[:] = (inner + (np.array(ink, np.float32) * light - inner) * alpha).astype(np.uint8)
    area[:] = cv2.GaussianBlur(area, (0, 0), uniform(rng, 0.3, 0.9))


def _size(face: Face, text: str, height: float, padding: float) -> tuple[int, int]:
    mask = face.word(text)
    return round(height * mask.shape[1] / mask.shape[0]), round(height * padding)


def _colour(rng: np.random.Generator) -> Colour:
    known: tuple[Colour, ...] = (
        (150, 70, 20),
        (60, 120, 20),
        (40, 40, 190),
        (30, 200, 240),
        (235, 235, 235),
        (30, 30, 30),
    )
    if happens(rng, 0.6):
        return pick(rng, known)
    blue, green, red = (int(c) for c in rng.random(3) * 255)
    return blue, green, red


def _place(
    rng: np.random.Generator, picture: Image, size: tuple[int, int], taken: Sequence[Box], *, at_edge: bool = False
) -> tuple[int, int, int, int] | None:
    """left, top, right, bottom; None where there is no room."""
    room_x, room_y = picture.shape[1] - size[0] - 2, picture.shape[0] - size[1] - 2
    if min(room_x, room_y, size[0] - 4, size[1] - 3) < 0:
        return None
    for _ in range(_TRIES):
        share = rng.random()
        if at_edge:
            share = share * 0.06 if happens(rng, 0.5) else 1 - share * 0.06
        x, y = 1 + int(rng.random() * room_x), 1 + int(share * room_y)
        if all(x >= b.x2 or b.x1 >= x + size[0] or y >= b.y2 or b.y1 >= y + size[1] for b in taken):
            return x, y, x + size[0], y + size[1]
    return None
