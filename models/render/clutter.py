"""What a plate shows beside its text: bands, stars, seals, stickers, slogans, screws. All of it draws in place."""

from collections.abc import Sequence
from math import cos, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from models.render import words
from models.render.chance import happens, pick, uniform
from models.render.fonts import Face
from models.render.looks import BLUE, GREEN, GREY, RED, WHITE, YELLOW, Colour, Look

Image = NDArray[np.uint8]
Area = tuple[float, float, float, float]  # left, top, right, bottom in pixels

_BRIGHT: tuple[Colour, ...] = (BLUE, RED, GREEN, YELLOW, WHITE, (30, 120, 230), (160, 120, 60))


def decorate(
    rng: np.random.Generator, image: Image, face: Face, *, look: Look, band: str, ink: Colour, area: Area
) -> None:
    """All but the seals, outside the area of the text."""
    height, width = image.shape[:2]
    left, top, right, bottom = area
    if band in ("left", "both"):
        _blue_band(rng, image, face, left=0, right=round(left * 0.86), code=look.band_code)
    if band == "both":
        start = round(width - (width - right) * 0.86)
        _blue_band(rng, image, face, left=start, right=width, code=pick(rng, ("75", "13", "MI", "RM", "")))
    match look.clutter:
        case "us":
            _american(rng, image, face, ink=ink, top=top, bottom=bottom)
        case "mercosul":
            image[: round(0.22 * height)] = BLUE
            caption(
                rng,
                image,
                face,
                "BRASIL",
                ink=WHITE,
                centre=(width / 2, 0.11 * height),
                height=0.12 * height,
                most_width=width * 0.5,
            )
            cv2.rectangle(
                image,
                (round(width * 0.88), round(height * 0.04)),
                (round(width * 0.96), round(height * 0.18)),
                GREEN,
                cv2.FILLED,
            )
            caption(
                rng,
                image,
                face,
                "BR",
                ink=ink,
                centre=(width * 0.05, 0.88 * height),
                height=0.1 * height,
                most_width=width * 0.08,
            )
        case "br":
            if happens(rng, 0.9):
                caption(
                    rng,
                    image,
                    face,
                    pick(rng, words.CITIES),
                    ink=ink,
                    centre=(width / 2, 0.11 * height),
                    height=0.1 * height,
                    most_width=width * 0.6,
                )
        case "stripes":
            for y in (0.045, 0.93):
                image[round(height * y) : round(height * (y + 0.03)) + 1, round(left) : round(right)] = RED
        case _:
            pass
    if happens(rng, look.border):
        line = max(1, round(height * uniform(rng, 0.015, 0.035)))
        cv2.rectangle(image, (0, 0), (width - 1, height - 1), ink, line)
    if happens(rng, 0.3):
        _screws(rng, image, is_american=look.clutter == "us")


def seal(rng: np.random.Generator, image: Image, *, x: float, y: float, room: float, colours: Sequence[Colour]) -> None:
    """One emblem, or two above one another, in a place `room` pixels wide."""
    kind = rng.random()
    radius = room * uniform(rng, 0.3, 0.46)
    if radius < 1 or kind < 0.06:
        return
    if kind < 0.5:
        for dy in (-1.25 * radius, 1.25 * radius):
            _emblem(rng, image, x=x, y=y + dy, radius=radius, colour=pick(rng, colours))
    else:
        _emblem(rng, image, x=x, y=y + uniform(rng, -0.6, 0.6) * radius, radius=radius, colour=pick(rng, colours))


def caption(
    rng: np.random.Generator, image: Image, face: Face, text: str, *,
    ink: Colour, centre: tuple[float, float], height: float, most_width: float,
) -> None:  # fmt: skip
    """A word round a point, `height` pixels high and not wider than `most_width`."""
    mask = face.word(text)
    scale = min(height / mask.shape[0], most_width / mask.shape[1])
    size = round(mask.shape[1] * scale), round(mask.shape[0] * scale)
    if min(size) < 2:
        return
    mask = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    x, y = round(centre[0] - size[0] / 2), round(centre[1] - size[1] / 2)
    if x < 0 or y < 0:
        return
    place = image[y : y + size[1], x : x + size[0]]
    part = mask[: place.shape[0], : place.shape[1], np.newaxis].astype(np.float32) * uniform(rng, 0.0030, 0.0039)
    place[:] = (place + (np.array(ink, np.float32) - place) * part).astype(np.uint8)


def _blue_band(rng: np.random.Generator, image: Image, face: Face, *, left: int, right: int, code: str) -> None:
    height, width = image.shape[0], right - left
    shade = uniform(rng, 0.7, 1.4)
    image[:, left:right] = [min(255, round(c * shade)) for c in BLUE]
    middle, centre_y, radius = (left + right) / 2, height * uniform(rng, 0.25, 0.35), width * 0.3
    kind = rng.random()
    if kind < 0.1:  # a flag, as before 2007 or beside the Union
        quarter = round(width * 0.25), round(width * 0.2)
        cv2.rectangle(
            image,
            (round(middle) - quarter[0], round(centre_y) - quarter[1]),
            (round(middle) + quarter[0], round(centre_y)),
            WHITE,
            cv2.FILLED,
        )
        cv2.rectangle(
            image,
            (round(middle) - quarter[0], round(centre_y)),
            (round(middle) + quarter[0], round(centre_y) + quarter[1]),
            RED,
            cv2.FILLED,
        )
    elif radius > 2.5:
        size = max(0, round(radius * 0.14))
        for star in range(12):
            point = round(middle + radius * cos(star * pi / 6)), round(centre_y + radius * sin(star * pi / 6))
            cv2.circle(image, point, size, YELLOW, cv2.FILLED)
    if code:
        caption(
            rng,
            image,
            face,
            code,
            ink=WHITE,
            centre=(middle, height * uniform(rng, 0.7, 0.82)),
            height=height * 0.19,
            most_width=width * 0.8,
        )


def _american(rng: np.random.Generator, image: Image, face: Face, *, ink: Colour, top: float, bottom: float) -> None:
    height, width = image.shape[:2]
    name_ink = ink if happens(rng, 0.5) else pick(rng, _BRIGHT[:3])
    if happens(rng, 0.15):  # a coloured strip behind the name
        image[: round(top * 0.85)] = pick(rng, _BRIGHT)
    if happens(rng, 0.85):
        caption(
            rng,
            image,
            face,
            pick(rng, words.STATES),
            ink=name_ink,
            centre=(width * uniform(rng, 0.42, 0.58), top * 0.5),
            height=top * uniform(rng, 0.5, 0.85),
            most_width=width * 0.6,
        )
    if happens(rng, 0.6):
        caption(
            rng,
            image,
            face,
            pick(rng, words.SLOGANS),
            ink=name_ink,
            centre=(width / 2, (bottom + height) / 2),
            height=(height - bottom) * uniform(rng, 0.5, 0.8),
            most_width=width * 0.6,
        )
    for x in (0.03, 0.83):
        if happens(rng, 0.4):
            y = pick(rng, (0.03, 0.85))
            _sticker(rng, image, face, x=width * x, y=height * y, width=width * 0.14, height=height * 0.12)


def _sticker(
    rng: np.random.Generator, image: Image, face: Face, *, x: float, y: float, width: float, height: float
) -> None:
    colour = pick(rng, _BRIGHT)
    cv2.rectangle(image, (round(x), round(y)), (round(x + width), round(y + height)), colour, cv2.FILLED)
    word = pick(rng, words.MONTHS) if happens(rng, 0.5) else f"{int(rng.random() * 100):02}"
    ink = WHITE if sum(colour) < 380 else (30, 30, 30)
    caption(
        rng,
        image,
        face,
        word,
        ink=ink,
        centre=(x + width / 2, y + height / 2),
        height=height * 0.7,
        most_width=width * 0.8,
    )


def _emblem(rng: np.random.Generator, image: Image, *, x: float, y: float, radius: float, colour: Colour) -> None:
    centre, size = (round(x), round(y)), max(1, round(radius))
    kind = rng.random()
    if kind < 0.65:
        cv2.circle(image, centre, size, colour, cv2.FILLED, cv2.LINE_AA)
        if size > 3:
            inner = GREY if happens(rng, 0.5) else pick(rng, _BRIGHT)
            cv2.circle(image, centre, round(size * uniform(rng, 0.4, 0.8)), inner, cv2.FILLED, cv2.LINE_AA)
            if happens(rng, 0.6):
                cv2.circle(image, centre, round(size * uniform(rng, 0.2, 0.5)), pick(rng, _BRIGHT), cv2.FILLED)
    elif kind < 0.85:  # a shield
        shield = np.array([(-1, -1), (1, -1), (1, 0.2), (0, 1.2), (-1, 0.2)]) * radius * 0.85 + (x, y)
        cv2.fillPoly(image, [shield.astype(np.int32)], colour)
        if size > 3:
            cv2.line(
                image,
                (centre[0], centre[1] - size // 2),
                (centre[0], centre[1] + size // 2),
                pick(rng, _BRIGHT),
                max(1, size // 3),
            )
    else:  # a figure: map, hand, animal
        angles = np.linspace(0, 2 * pi, 9)[:-1]
        reach = radius * (0.4 + 0.8 * rng.random(8))
        figure = np.stack((x + reach * np.cos(angles), y + reach * np.sin(angles)), axis=1)
        cv2.fillPoly(image, [figure.astype(np.int32)], colour, cv2.LINE_AA)


def _screws(rng: np.random.Generator, image: Image, *, is_american: bool) -> None:
    height, width = image.shape[:2]
    colour = pick(rng, (GREY, GREY, (40, 40, 40), (70, 70, 70), WHITE, YELLOW))
    radius = max(1, round(height * uniform(rng, 0.015, 0.035)))
    at = uniform(rng, 0.04, 0.3)
    rows = pick(rng, ((0.07,), (0.07, 0.93), (0.93,))) if is_american else (uniform(rng, 0.1, 0.9),)
    for y in rows:
        for x in (at, 1 - at):
            cv2.circle(image, (round(width * x), round(height * y)), radius, colour, cv2.FILLED, cv2.LINE_AA)
