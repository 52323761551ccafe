"""How plates look, in millimetres and BGR colours."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Colour = tuple[int, int, int]  # BGR
Paint = tuple[float, Colour, Colour]  # weight, paper, ink

WHITE, BLACK, GREY = (236, 238, 238), (28, 26, 26), (176, 178, 178)
BLUE, RED, GREEN, YELLOW = (150, 60, 15), (50, 40, 175), (80, 110, 30), (35, 195, 245)
AMBER, CREAM, NAVY, SKY, SAND = (20, 165, 235), (200, 232, 240), (90, 40, 20), (240, 225, 190), (150, 190, 210)
BURGUNDY = (50, 20, 120)

FE = ("nummernschild", "din1451alt", "OSP-DIN")
DIN = ("din", "din1451alt", "dinish", "OSP-DIN", "barlow")
HEAVY = ("barlow", "saira", "dinish-bold", "overpass-bold", "din1451alt_g", "nationalpark-heavy", "bebas")
ROAD = ("RG2014", "overpass", "routed", "nationalpark", "saira", "barlow")

Band = Literal["none", "left", "both", "top"]
Clutter = Literal["none", "us", "br", "mercosul", "stripes", "seals"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One kind of plate. Sizes in millimetres; chances 0..1."""

    size_mm: tuple[float, float] = (520, 110)
    letter_mm: float = 75
    paints: tuple[Paint, ...] = ((1, WHITE, BLACK),)
    band: Band = "none"
    band_chance: float = 1.0
    band_code: str = ""
    fonts: tuple[str, ...] = DIN
    border: float = 0.8  # chance of a line round the edge
    clutter: Clutter = "none"
    seals: tuple[Colour, ...] = (GREY, RED, BLUE, GREEN)
    squeeze: tuple[float, float] = (0.9, 1.1)  # how wide letters may be, against the font


_EU = Look(band="left")
_EU2 = replace(_EU, size_mm=(340, 200), letter_mm=72)
_US = Look(
    size_mm=(305, 152),
    letter_mm=68,
    fonts=ROAD,
    border=0.4,
    clutter="us",
    squeeze=(0.7, 1.0),
    paints=(
        (5, WHITE, NAVY),
        (3, WHITE, BLACK),
        (2, WHITE, BLUE),
        (1.5, WHITE, RED),
        (1.5, WHITE, GREEN),
        (2, SKY, NAVY),
        (1.5, CREAM, BLACK),
        (1, YELLOW, NAVY),
        (1, NAVY, YELLOW),
        (1, BLUE, WHITE),
        (1, GREEN, WHITE),
        (1, BLACK, YELLOW),
        (1, SAND, BLACK),
        (0.6, BURGUNDY, WHITE),
        (0.6, AMBER, BLACK),
    ),
)
_ANY: tuple[Paint, ...] = (
    (5, WHITE, BLACK),
    (2, YELLOW, BLACK),
    (1, AMBER, BLACK),
    (1, WHITE, RED),
    (1, WHITE, BLUE),
    (1, WHITE, GREEN),
    (1.5, BLACK, WHITE),
    (0.7, BLACK, GREY),
    (0.7, BLACK, YELLOW),
    (1.5, BLUE, WHITE),
    (1, RED, WHITE),
    (1, GREEN, WHITE),
    (1, GREY, BLACK),
    (0.5, SKY, NAVY),
    (0.5, SAND, BURGUNDY),
)
_BR_OLD = Look(
    size_mm=(400, 130),
    letter_mm=63,
    paints=((7, GREY, BLACK), (2, RED, WHITE), (0.4, WHITE, RED), (0.4, BLACK, GREY)),
    fonts=("RG2014", "din", "overpass", "nationalpark"),
    clutter="br",
)
_BR = Look(
    size_mm=(400, 130),
    letter_mm=65,
    paints=((7, WHITE, BLACK), (1.5, WHITE, RED), (0.4, WHITE, BLUE), (0.3, WHITE, GREEN)),
    band="top",
    fonts=FE,
    clutter="mercosul",
)


def _europe(code: str, **changes: object) -> dict[str, Look]:
    """The one-line and two-line looks of a country with a blue band on the left."""
    return {code: replace(_EU, **changes), code + "2": replace(_EU2, **changes)}


def _plain(code: str, sign: str) -> dict[str, Look]:
    return _europe(code, band_code=sign)


LOOKS: Mapping[str, Look] = {
    **_europe(
        "CZ", band_code="CZ", band_chance=0.95, paints=((9, WHITE, BLACK), (0.5, YELLOW, BLACK), (0.5, WHITE, GREEN))
    ),
    **_europe("SK", band_code="SK", band_chance=0.95, seals=(BLUE, RED, (90, 90, 200))),
    **_europe(
        "PL", band_code="PL", paints=((9, WHITE, BLACK), (0.4, SKY, BLACK), (0.6, BLACK, WHITE)), band_chance=0.92
    ),
    **_europe(
        "DE",
        band_code="D",
        fonts=FE,
        squeeze=(0.9, 1.02),
        paints=((20, WHITE, BLACK), (1, WHITE, GREEN), (1, WHITE, RED)),
    ),
    **_europe("AT", band_code="A", clutter="stripes", squeeze=(0.75, 0.95), seals=(RED, RED, YELLOW)),
    **_europe(
        "HU",
        band_code="H",
        paints=((9, WHITE, BLACK), (1, YELLOW, BLACK), (0.6, WHITE, GREEN)),
        seals=(RED, GREEN, GREY),
    ),
    **_europe("SI", band_code="SLO", seals=(BLUE, GREEN), paints=((9, WHITE, BLACK), (0.6, YELLOW, GREEN))),
    **_europe("RO", band_code="RO", paints=((9, WHITE, BLACK), (1, WHITE, RED), (0.5, WHITE, GREEN))),
    **_europe("BG", band_code="BG"),
    "CH": Look(size_mm=(300, 80), letter_mm=60, seals=(RED, RED, GREEN), fonts=DIN, squeeze=(0.75, 1.0)),
    "CH2": Look(size_mm=(300, 160), letter_mm=60, seals=(RED, RED, GREEN), fonts=DIN, squeeze=(0.8, 1.0)),
    **_europe("IT", band_code="I", band="both", squeeze=(0.85, 1.05), seals=(GREY, BLUE)),
    **_europe("FR", band_code="F", band="both", paints=((7, WHITE, BLACK), (3, YELLOW, BLACK), (0.6, BLACK, GREY))),
    **_europe("ES", band_code="E", band_chance=0.85),
    **_europe(
        "NL",
        band_code="NL",
        paints=((9, AMBER, BLACK), (4, YELLOW, BLACK), (1, NAVY, WHITE), (0.4, SKY, BLACK)),
        fonts=DIN,
    ),
    **_europe(
        "GB",
        band_code="GB",
        band_chance=0.35,
        letter_mm=79,
        fonts=HEAVY,
        border=0.4,
        squeeze=(0.85, 1.15),
        paints=((5, WHITE, BLACK), (5, YELLOW, BLACK), (2, AMBER, BLACK), (0.7, BLACK, GREY), (0.5, BLACK, WHITE)),
    ),
    **_europe("BE", band_code="B", paints=((9, WHITE, BURGUNDY), (5, WHITE, RED)), band_chance=0.9),
    "BRold": _BR_OLD,
    "BRold2": replace(_BR_OLD, size_mm=(200, 170), letter_mm=53),
    "BR": _BR,
    "BR2": replace(_BR, size_mm=(200, 170), letter_mm=55),
    "US": _US,
    "US2": replace(_US, letter_mm=44),
    **_plain("HR", "HR"),
    **_plain("RS", "SRB"),
    **_plain("UA", "UA"),
    **_plain("SE", "S"),
    **_plain("NO", "N"),
    **_plain("DK", "DK"),
    **_plain("FI", "FIN"),
    **_plain("EE", "EST"),
    **_plain("LV", "LV"),
    **_plain("LT", "LT"),
    **_europe("PT", band_code="P", paints=((4, WHITE, BLACK), (1, YELLOW, BLACK))),
    **_plain("IE", "IRL"),
    **_europe("LU", band_code="L", paints=((1, YELLOW, BLACK),)),
    **_plain("GR", "GR"),
    **_plain("TR", "TR"),
    **_europe("IL", band_code="IL", paints=((1, YELLOW, BLACK), (0.4, AMBER, BLACK))),
    "AU": replace(_US, size_mm=(372, 134), letter_mm=76, paints=(*_ANY, (3, WHITE, BURGUNDY), (2, BLACK, YELLOW))),
    "AU2": replace(_US, size_mm=(255, 155), letter_mm=50, paints=_ANY),
    "CN": Look(
        size_mm=(440, 140), letter_mm=90, paints=((7, BLUE, WHITE), (2, YELLOW, BLACK), (2, (190, 225, 160), BLACK))
    ),
    "CN2": Look(size_mm=(440, 220), letter_mm=90, paints=((2, BLUE, WHITE), (5, YELLOW, BLACK))),
    "random": Look(
        paints=_ANY, band="left", band_chance=0.3, fonts=("",), border=0.6, clutter="seals", squeeze=(0.75, 1.2)
    ),
    "random2": Look(
        size_mm=(300, 190),
        letter_mm=72,
        paints=_ANY,
        band="left",
        band_chance=0.3,
        fonts=("",),
        clutter="seals",
        squeeze=(0.75, 1.2),
    ),
}
