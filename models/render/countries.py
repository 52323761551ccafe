"""The series of each country's plates.

The usual forms of each country as they are commonly known; forms that are rare on the road are left out.
"""

from models.render import codes
from models.render.formats import LETTERS, Series, without

_PL_TAIL = without("BDIOQZ")  # in the second part they would be taken for digits, and Q is never used
_BG_LETTERS = "ABCEHKMOPTXY"
_IT_LETTERS = without("IOQU")
_FR_LETTERS = without("IOU")
_ES_LETTERS = without("AEIOUQ")
_NL_LETTERS = without("AEIOUCMQWY")
_GB_AREA = without("IQZ")
_GB_TAIL = without("IQ")


def _series(*templates: str, weight: float = 1, districts: tuple[str, ...] = (), letters: str = LETTERS) -> Series:
    return Series(weight=weight, templates=templates, codes=districts, letters=letters)


_CZ_LETTERS = without("GOQW")
_CZ_MARKS = "ABCEHJKLMPSTUZ"


def _random_templates() -> tuple[tuple[str, ...], tuple[str, ...]]:
    one = [
        gap.join(("X" * first, "X" * second)) if second else "X" * first
        for first in range(1, 7)
        for second in range(7)
        if 3 <= first + second <= 9
        for gap in (" ", "-", ".", "*", "")
    ]
    two = ["X" * first + "/" + "X" * second for first in range(1, 6) for second in range(2, 6) if first + second >= 4]
    return tuple(one), (*two, "XX XX/XXX", "XX*X/XXXX", "XXX/XX-XX", "X-XX/XXX", "X XXX/XXX")


_RANDOM_ONE, _RANDOM_TWO = _random_templates()
_US_LETTERS = without("IOQ")

COUNTRIES: dict[str, tuple[Series, ...]] = {
    "CZ": (
        Series(weight=7, templates=("1RA 9999", "1R9 9999"), letters=_CZ_LETTERS, marks=_CZ_MARKS),
        Series(weight=1, templates=("RAA 99-99", "RA 99-99"), letters=_CZ_LETTERS, marks=_CZ_MARKS),
        Series(weight=0.7, templates=("el9 99RA", "elX XXXX"), letters=_CZ_LETTERS, marks=_CZ_MARKS),
        Series(
            weight=1, templates=("1RA/9999", "1R9/9999", "1R/9999", "1RA*/9999"), letters=_CZ_LETTERS, marks=_CZ_MARKS
        ),
    ),
    "SK": (
        _series("@*999AA", "@ 999AA", weight=5, districts=codes.SK, letters=without("GQ")),
        _series("AA*999AA", weight=2, letters=without("GQ")),
        _series("@/999AA", "@*/999AA", districts=codes.SK, letters=without("GQ")),
    ),
    "PL": (
        Series(
            weight=5,
            templates=("@ 99999", "@ 9999A", "@ 999AA", "@ 1A999", "@ 1AA99"),
            letters=_PL_TAIL,
            codes=codes.PL_TWO,
        ),
        Series(
            weight=4,
            templates=("@ A999", "@ 99AA", "@ 9A99", "@ 99A9", "@ 9AA9", "@ AA99", "@ 99999", "@ 9999A", "@ 999AA"),
            letters=_PL_TAIL,
            codes=codes.PL_THREE,
        ),
        Series(weight=1, templates=("@/9999A", "@/99999", "@/999AA", "@/A999"), letters=_PL_TAIL, codes=codes.PL_TWO),
    ),
    "DE": (
        _series(
            "@*AA 999", "@*A 9999", "@*AA 9999", "@*A 999", "@*AA 99", "@*AA 9", "@*A 99", weight=8, districts=codes.DE
        ),
        _series(
            "AAA*AA 99", "AA*AA 999", "A*AA 9999", "AAA*A 999", "AA*A 9999", weight=4
        ),  # every letter in every place
        _series("@*AA 99e", "@*A 999e", "@*AA 99h", weight=0.5, districts=codes.DE),
        _series("@*/AA 999", "@*/A 9999", "@*/AA 99", "@/AA 9999", districts=codes.DE),
    ),
    "AT": (
        _series(
            "@*999AA", "@*999 AA", "@*99 AAA", "@*9 AAA", "@*99AAA", weight=4, districts=codes.AT, letters=without("QO")
        ),
        _series(
            "@*99999A", "@*9999A", "@*99999 A", weight=2, districts=("W", "G", "L", "S", "I"), letters=without("QO")
        ),
        _series("@*/999 AA", "@*/999AA", "@*/99 AAA", districts=codes.AT, letters=without("QO")),
    ),
    "HU": (
        _series("AAA-999", weight=4, letters=LETTERS),
        _series("aA*AA-999", "aA AA-999", "aAAA-999", weight=3),
        _series("AAA/999", "AA*AA/999", "AAA-/999"),
    ),
    "SI": (
        _series(
            "@*AA-999",
            "@*99-9AA",
            "@*A9-99A",
            "@*9A-A99",
            "@*AA 999",
            weight=5,
            districts=codes.SI,
            letters=without("QWXY"),
        ),
        _series("@*/AA-999", "@*/99-9AA", districts=codes.SI, letters=without("QWXY")),
    ),
    "RO": (
        _series("@ 99 AAA", weight=6, districts=codes.RO, letters=without("Q")),
        _series("b 99 AAA", "b 999 AAA", "b 99AAA", "b 999AAA", weight=4, letters=without("Q")),
        _series("@ 999999", "@ 999 999", weight=0.5, districts=(*codes.RO, "B")),
        _series("@ 99/AAA", "b 999/AAA", "b 99/AAA", districts=codes.RO, letters=without("Q")),
    ),
    "BG": (
        _series("@ 9999 AA", "@ 9999 A", "@ 9999AA", weight=6, districts=codes.BG, letters=_BG_LETTERS),
        _series("@ 99/99 AA", "@/9999 AA", "@ 9999/AA", districts=codes.BG, letters=_BG_LETTERS),
    ),
    "CH": (
        _series("@.199 999", "@*199 999", "@.19 999", "@*19 999", "@ 199999", "@.1999", weight=5, districts=codes.CH),
        _series("@*/199 999", "@/199999", "@/19 999", weight=2, districts=codes.CH),
    ),
    "IT": (
        _series("AA 999AA", "AA 999 AA", "AA*999AA", weight=7, letters=_IT_LETTERS),
        _series("@ 999999", "@ 9A9999", districts=codes.IT, letters=_IT_LETTERS),
        _series("AA/999AA", "AA 9/99AA", weight=1, letters=_IT_LETTERS),
    ),
    "FR": (
        _series("AA-999-AA", weight=6, letters=_FR_LETTERS),
        _series("999 AAA 99", "9999 AA 99", "999 AA 99", letters=_FR_LETTERS),
        _series("AA-999/AA", "AA/999-AA", "AA-999/-AA", letters=_FR_LETTERS),
    ),
    "ES": (
        _series("9999 AAA", "9999-AAA", weight=6, letters=_ES_LETTERS),
        _series("@ 9999 AA", "@-9999-AA", districts=codes.ES, letters=without("QR")),
        _series("9999/AAA", letters=_ES_LETTERS),
    ),
    "NL": (
        _series("99-AA-AA", "AA-AA-99", "AA-99-AA", weight=2, letters=_NL_LETTERS),
        _series("99-AAA-9", "9-AAA-99", "AA-999-A", "A-999-AA", "AAA-99-A", weight=5, letters=_NL_LETTERS),
        _series("AA-99/AA", "99-AA/AA", "9-AAA/99", "AA-99/AA", letters=_NL_LETTERS),
    ),
    "GB": (
        Series(weight=6, templates=("RR99 AAA", "RR99AAA"), letters=_GB_TAIL, marks=_GB_AREA),
        Series(
            weight=2, templates=("R999 AAA", "R99 AAA", "R9 AAA", "AAA 999R"), letters=_GB_TAIL, marks=without("IOQUZ")
        ),
        _series("AAA 9999", "AAZ 999", "999 AAA", "A 9", "AA 99", "9 AAA", "AAA 9", weight=1, letters=_GB_TAIL),
        Series(weight=1, templates=("RR99/AAA", "R999/AAA"), letters=_GB_TAIL, marks=_GB_AREA),
    ),
    "BE": (
        _series("1-AAA-999", weight=5, letters=without("IO")),
        _series("AAA-999", "999-AAA", weight=2, letters=without("IO")),
        _series("1-AAA/999", "AAA/999", letters=without("IO")),
    ),
    "BR": (
        Series(weight=5, templates=("AAA-9999", "AAA 9999", "AAA.9999"), look="BRold"),
        Series(weight=6, templates=("AAA9A99",), look="BR"),
        Series(weight=1, templates=("AAA/9999",), look="BRold2"),
        Series(weight=2, templates=("AAA/9A99", "AAA9/A99"), look="BR2"),
    ),
    "US": (
        _series("AAA 9999", "AAA-9999", "AAA9999", "AAA*9999", weight=4, letters=_US_LETTERS),
        _series("1AAA999", "9AAA999", "9A99999", weight=3, letters=_US_LETTERS),
        _series(
            "AAA 999", "999 AAA", "AAA-999", "999-AAA", "999.AAA", "AAA*999", "999*AAA", weight=4, letters=_US_LETTERS
        ),
        _series("AA 99999", "99A 999", "AA9 99A", "A99 9AA", "AAA 9A9", "9AA A99", "999 9AA", "A9 9999", weight=3),
        _series("999999", "99999", "99 9999", "9999 AA", "AA 9999", "A 999999", "99*9999", weight=1),
        _series(
            "AAAAAAA",
            "AAAAAA",
            "AAAAA",
            "AAAA",
            "AAA AAA",
            "AA 9 AA",
            "AAAAA9",
            "A AAAAA",
            "9 AAAAA",
            "XXXXXX",
            weight=3,
        ),
        _series("AAA/999", "AA/9999", "XX/XXXX", "A9/99999", "99/9999", weight=1),
    ),
    "HR": (
        _series("@*999-AA", "@*9999-AA", "@ 999-A", weight=5, districts=codes.HR, letters=without("QWXY")),
        _series("@*/999-AA", districts=codes.HR, letters=without("QWXY")),
    ),
    "RS": (_series("@*999-AA", "@*9999-AA", districts=codes.RS, letters=without("QWXY")),),
    "UA": (
        _series("AA 9999 AA", "AA9999AA", weight=5, letters="ABCEHIKMOPTX"),
        _series("AA 9999/AA", "AA/9999AA", letters="ABCEHIKMOPTX"),
    ),
    "SE": (
        _series("AAA 999", "AAA 99A", "AAA*999", letters=without("IQV")),
        _series("AAA/999", weight=0.2, letters=without("IQV")),
    ),
    "NO": (
        _series("AA 99999", "AA*99999", letters=without("GIMOQW")),
        _series("AA/99999", weight=0.2, letters=without("GIMOQW")),
    ),
    "DK": (_series("AA 99 999", letters=without("IOQ")), _series("AA 99/999", weight=0.2, letters=without("IOQ"))),
    "FI": (_series("AAA-999", "AA-999", "AAA-99"), _series("AAA/999", weight=0.2)),
    "EE": (_series("999 AAA", letters=without("CIOQWXY")),),
    "LV": (_series("AA-9999", "AA-999", letters=without("QWXY")),),
    "LT": (_series("AAA 999", "AAA*999", letters=without("QWX")),),
    "PT": (_series("99-99-AA", "99-AA-99", "AA-99-AA", "AA 99 AA", letters=without("KWY")),),
    "IE": (_series("99-A-9999", "999-A-99999", "99-AA-999", "191-A-9999"),),
    "LU": (_series("AA 9999", "AA-9999"),),
    "GR": (_series("AAA-9999", "AAA 9999", letters="ABEZHIKMNOPTYX"),),
    "TR": (_series("@ AA 999", "@ AAA 99", "@ AA 9999", "@ A 9999", districts=codes.TR, letters=without("QWX")),),
    "IL": (_series("99-999-99", "999-99-999", "99.999.99"),),
    "AU": (
        _series("AAA-999", "AAA.999", "AAA 99A", "AA 99 AA", "1AA 1AA", "AAA 999", "999 AAA"),
        _series("AAA/999", weight=0.1),
    ),
    "CN": (
        _series("A.99999", "A.X9999", "A.9X999", "AX9999", letters=without("IO")),
        _series("A/XXXXX", weight=0.1, letters=without("IO")),
    ),
    "": (
        Series(weight=1, templates=_RANDOM_ONE),
        Series(weight=1, templates=_RANDOM_TWO),
    ),
}

# Weights of the countries when nothing else is asked for: the users' Europe first, the rest so that no layout is new.
MIXTURE: dict[str, float] = {
    **dict.fromkeys(("CZ", "SK", "PL", "DE", "AT", "HU", "RO"), 4.5),
    **dict.fromkeys(("SI", "BG", "CH", "IT", "FR", "ES", "NL", "BE"), 2.5),
    "GB": 4.5,
    **dict.fromkeys(("HR", "RS", "UA", "SE", "NO", "DK", "FI", "EE", "LV", "LT", "PT", "IE", "LU", "GR", "TR"), 0.5),
    **dict.fromkeys(("IL", "AU", "CN"), 1.0),
    "BR": 9.0,
    "US": 15.0,
    "": 16.0,
}
