"""What a search form says, as it stands in the address of its page."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams

from anpr.errors import BadInput
from anpr.types import VerdictStatus
from api import cursors
from api.parameters import in_order
from storage import event_search
from storage.event_search import EARLIEST, LATEST, EventSearch, Match

MOST_NAMES, LONGEST_NAME, LONGEST_REASON, LONGEST_PLATE = 50, 100, 200, 40
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)  # of confidence, to choose from


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The fields as they were filled in."""

    plate: str
    match: str
    cameras: tuple[str, ...]
    since: str
    until: str
    verdicts: tuple[str, ...]
    confidence: str
    reason: str
    cursor: str

    @classmethod
    def of(cls, query: QueryParams) -> "Filters":
        return cls(
            plate=query.get("plate", "").strip(),
            match=query.get("match", ""),
            cameras=names_in(query),
            since=query.get("from", ""),
            until=query.get("to", ""),
            verdicts=tuple(query.getlist("verdict")),
            confidence=query.get("confidence", ""),
            reason=query.get("reason", "").strip(),
            cursor=query.get("cursor", ""),
        )

    def search(self, zone: str) -> EventSearch:
        """What is looked for; times without a zone are of `zone`. Raises BadInput, which names the field."""
        if len(self.plate) > LONGEST_PLATE or len(self.reason) > LONGEST_REASON:
            raise BadInput(f"plate, reason: at most {LONGEST_PLATE} and {LONGEST_REASON} characters")
        if "\0" in "".join((*self.cameras, self.reason)):
            raise BadInput("camera, reason: hold a character that no text holds")
        match = None if not self.match else _one_of(Match, self.match, "match")
        since, until = _moment(self.since, zone, "from"), _moment(self.until, zone, "to")
        in_order(since, until)
        return EventSearch(
            plate=event_search.plate_query(self.plate, match) if self.plate else None,
            cameras=self.cameras or None,
            since=since,
            until=until,
            verdicts=[_one_of(VerdictStatus, one, "verdict") for one in self.verdicts] or None,
            least_confidence=_share(self.confidence),
            after=cursors.read(self.cursor) if self.cursor else event_search.START,
        )

    def api_query(self, wanted: EventSearch) -> str:
        """The same search as the API is asked for it, from its first page."""
        pairs = [("plate", self.plate), ("match", self.match if self.plate else ""), ("reason", self.reason)]
        pairs += [("confidence", self.confidence)]
        pairs += [(name, _written(at)) for name, at in (("from", wanted.since), ("to", wanted.until))]
        pairs += [("camera", one) for one in self.cameras] + [("verdict", one) for one in self.verdicts]
        return urlencode([pair for pair in pairs if pair[1]])


def names_in(query: QueryParams) -> tuple[str, ...]:
    """Cameras that are named, as far as they can be names."""
    named = [one for one in query.getlist("camera") if one and "\0" not in one]
    return tuple(one for one in named if len(one) <= LONGEST_NAME)[:MOST_NAMES]


Kind = TypeVar("Kind", Match, VerdictStatus)


def _one_of(kind: type[Kind], text: str, field: str) -> Kind:
    try:
        return kind(text)
    except ValueError:
        raise BadInput(f"{field}: is one of {', '.join(kind)}") from None


def _moment(text: str, zone: str, field: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        at = (at.replace(tzinfo=ZoneInfo(zone)) if at.tzinfo is None else at).astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    if at is None or not EARLIEST <= at <= LATEST:
        raise BadInput(f"{field}: is a time of the years 1900 to 9998, such as 2026-05-01T08:00")
    return at


def _share(text: str) -> float | None:
    if not text:
        return None
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadInput("confidence: is a number from 0 to 1")
    return share


def _written(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
