"""How a country's plates look on the pages: what stands in the band, which style they have, and how they are parted."""

import re
from collections.abc import Sequence

from anpr.explain import LIKELY
from anpr.grouping import grouped
from api.forms import EventForm, RegionForm

# Distinguishing signs of vehicles in international traffic that are not the code of ISO 3166-1 (UNECE, notifications
# under the Conventions on Road Traffic of 1949 and 1968).
SIGNS = {
    "AT": "A",
    "BE": "B",
    "BA": "BIH",
    "CY": "CY",
    "DE": "D",
    "EE": "EST",
    "ES": "E",
    "FI": "FIN",
    "FR": "F",
    "GB": "UK",
    "HU": "H",
    "IE": "IRL",
    "IT": "I",
    "LI": "FL",
    "LU": "L",
    "ME": "MNE",
    "MK": "NMK",
    "MT": "M",
    "NO": "N",
    "PT": "P",
    "RS": "SRB",
    "RU": "RUS",
    "SE": "S",
    "SI": "SLO",
}


def sign(country: str) -> str:
    """What the band of a plate of this country says; "" where it is not known."""
    return SIGNS.get(country, country)


def country_of(regions: Sequence[RegionForm]) -> str:
    """The country that a plate is shown as; "" where none is more likely than not."""
    return regions[0].country if regions and regions[0].probability >= LIKELY else ""


def written(event: EventForm) -> str:
    """The plate of an event as its country writes it; a correction before the vote."""
    return grouped(event.corrected_plate or event.plate, country_of(event.regions))


def groups(text: str) -> list[str]:
    """The groups of a plate as it is written, each with the separator before it. Scripts do the same."""
    return re.split("(?=[ -])", text)


def spelled(text: str, country: str) -> str:
    """A plate for those who hear the page: character by character, with a pause between groups."""
    heard = ", ".join(" ".join(group.strip(" -")) for group in groups(text))
    return ", ".join(part for part in (heard or "no plate", country) if part)
