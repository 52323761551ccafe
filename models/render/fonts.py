"""Glyph masks of the fonts in a directory, rasterised once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from anpr.errors import BadInput
from models.render.chance import pick

Mask = NDArray[np.uint8]  # HxW uint8: 0 paper, 255 ink

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
UMLAUTS = {"Ä": "A", "Ö": "O", "Ü": "U"}
SUFFIXES = (".ttf", ".otf")
CAP_PX = 96  # capital height of the largest masks
SPARE = 0.125  # of the capital height, above and below: room for round letters and the tail of Q
_LEVELS = 3  # each half as large as the one before; a glyph is shrunk from the next larger level
_WORD_PX = 24
_MOST_WORDS = 400  # a font; words are made up anew, so they would fill the memory otherwise


@dataclass(slots=True, eq=False)
class Face:
    """One font: masks of A-Z, 0-9 and Ä, Ö, Ü, cut to their ink on the left and right."""

    name: str
    small: ImageFont.FreeTypeFont  # for words
    glyphs: dict[str, tuple[Mask, ...]]  # largest first
    _words: dict[str, Mask] = field(default_factory=dict[str, Mask])

    def width(self, char: str) -> float:
        """Ink width in capital heights."""
        return self.glyphs[char][0].shape[1] / CAP_PX

    def glyph(self, char: str, cap_px: float, squeeze: float = 1.0) -> Mask:
        """A mask with capitals cap_px high; SPARE × cap_px of room above and below; at least 2 px wide."""
        level = 0
        while level + 1 < _LEVELS and CAP_PX / 2 ** (level + 1) >= cap_px:
            level += 1
        mask = self.glyphs[char][level]
        size = max(2, round(self.width(char) * cap_px * squeeze)), max(3, round((1 + 2 * SPARE) * cap_px))
        return cv2.resize(mask, size, interpolation=cv2.INTER_AREA)  # pyright: ignore[reportReturnType]

    def word(self, text: str) -> Mask:
        """A line of any characters, cut to its ink; capitals 24 px high."""
        mask = self._words.get(text)
        if mask is None:
            if len(self._words) >= _MOST_WORDS:
                self._words.clear()
            drawn = _drawn(self.small, text, cap_px=_WORD_PX, margin=_WORD_PX)
            rows = np.flatnonzero(drawn.any(axis=1))
            mask = self._words[text] = drawn[rows[0] : rows[-1] + 1] if len(rows) else drawn[:1]
        return mask


@dataclass(frozen=True, slots=True, eq=False)
class Fonts:
    """All fonts of a directory, sorted by path."""

    faces: tuple[Face, ...]
    _fit: dict[tuple[str, ...], tuple[Face, ...]] = field(default_factory=dict[tuple[str, ...], tuple[Face, ...]])

    @classmethod
    def load(cls, directory: Path) -> "Fonts":
        """The .ttf and .otf files under a directory, about 15 ms each; BadInput where none has A-Z and 0-9."""
        if not directory.is_dir():
            raise BadInput(f"{directory}: no such directory of fonts")
        files = sorted(path for path in directory.rglob("*") if path.suffix.lower() in SUFFIXES)
        faces = [face for path in files if (face := _face(path)) is not None]
        if not faces:
            raise BadInput(f"{directory}: holds no .ttf or .otf font with A-Z and 0-9")
        return cls(tuple(faces))

    def pick(self, rng: np.random.Generator, hints: Sequence[str] = ()) -> Face:
        """A font whose name holds one of the hints (any case); any font where none does."""
        key = tuple(hints)
        fit = self._fit.get(key)
        if fit is None:
            named = [face for face in self.faces if any(hint.lower() in face.name.lower() for hint in key)]
            fit = self._fit[key] = tuple(named) or self.faces
        return pick(rng, fit)


def _face(path: Path) -> Face | None:
    """None for a font that lacks one of our characters; BadInput for a file that is no font."""
    try:
        font, small = _sized(path, CAP_PX), _sized(path, _WORD_PX)
    except OSError as exc:
        raise BadInput(f"{path}: not a font that can be loaded: {exc}") from exc
    missing = _drawn(font, "\uffff", margin=0)
    glyphs: dict[str, Mask] = {}
    for char in ALPHABET:
        glyph = _drawn(font, char, margin=round(CAP_PX * SPARE))
        if glyph.max(initial=0) == 0 or np.array_equal(_drawn(font, char, margin=0), missing):
            return None
        glyphs[char] = glyph
    glyphs |= {umlaut: _dotted(glyphs[plain]) for umlaut, plain in UMLAUTS.items()}
    return Face(name=path.stem, small=small, glyphs={char: _levels(mask) for char, mask in glyphs.items()})


def _sized(path: Path, cap_px: int) -> ImageFont.FreeTypeFont:
    trial = ImageFont.truetype(str(path), 200)
    _, top, _, bottom = trial.getbbox("H", anchor="ls")
    return ImageFont.truetype(str(path), 200 * cap_px / max(1.0, bottom - top))


def _drawn(font: ImageFont.FreeTypeFont, text: str, *, margin: int, cap_px: int = CAP_PX) -> Mask:
    """Text with `margin` px above the capitals and below the base line, cut to its ink on the left and right."""
    width = max(1, round(font.getlength(text)))
    picture = Picture.new("L", (width + cap_px, cap_px + 2 * margin))
    ImageDraw.Draw(picture).text((cap_px // 2, cap_px + margin), text, fill=255, font=font, anchor="ls")
    mask = np.asarray(picture, np.uint8)
    columns = np.flatnonzero(mask.any(axis=0))
    return mask[:, columns[0] : columns[-1] + 1] if len(columns) else mask[:, :1]


def _dotted(plain: Mask) -> Mask:
    """The letter squeezed under two dots, as plates have it."""
    height, width = plain.shape
    spare = (height - CAP_PX) // 2
    low = round(CAP_PX * 0.8)
    mask = np.zeros_like(plain)
    mask[height - spare - low : height - spare] = cv2.resize(
        plain[spare : height - spare], (width, low), interpolation=cv2.INTER_AREA
    )
    radius = round(CAP_PX * 0.07)
    for x in (0.25, 0.75):
        cv2.circle(mask, (round(width * x), spare + radius), radius, (255,), cv2.FILLED, cv2.LINE_AA)
    return mask


def _levels(mask: Mask) -> tuple[Mask, ...]:
    levels = [mask]
    for _ in range(_LEVELS - 1):
        height, width = levels[-1].shape
        smaller = cv2.resize(levels[-1], (max(2, width // 2), height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(smaller, np.uint8))
    return tuple(levels)
