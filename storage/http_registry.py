"""A registry of vignettes that is asked over HTTP, one plate a request (docs/registry.md tells the form)."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import cast
from urllib.parse import quote, urlsplit

from anpr import log
from anpr.config import RegistrySettings
from anpr.errors import BadRegistry, Unavailable
from anpr.registry import Answer
from anpr.types import Vignette
from anpr.vignette_lists import rows
from anpr.vignettes import Snapshot

DEADLINE_S = 6.0  # for all plates of one car: a job has 10 s
BACK_OFF_S = 0.1  # before the second attempt; twice as long before each further one
LONGEST = 1_000_000  # bytes of an answer
MOST_CACHED = 10_000  # plates
_PIECE = 1 << 16
_JSON = "application/json"
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    at_s: float  # monotonic
    as_of: datetime
    vignettes: tuple[Vignette, ...]


class HttpRegistry:
    """Asks again what failed for a moment, remembers answers for a little, and lets a registry rest that is away."""

    def __init__(self, settings: RegistrySettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._known: dict[tuple[str, str], _Known] = {}
        self._failures = 0  # one after the other
        self._rests_until_s = 0.0

    def ask(self, toll_country: str, plates: Sequence[str]) -> Answer:
        """All vignettes of these plates; `as_of` is when the first of them was asked.

        Raises Unavailable where the registry is away, answers wrongly or too slowly; what it answered until then is
        remembered, so asking again goes on from there.
        """
        now_s = self._clock()
        self._forget(now_s)
        known = [self._about(toll_country, plate, now_s + DEADLINE_S) for plate in plates]
        as_of = min((one.as_of for one in known), default=datetime.now(UTC))
        return Answer(
            snapshot=Snapshot(id=0, toll_country=toll_country, as_of=as_of),
            vignettes=tuple(vignette for one in known for vignette in one.vignettes),
        )

    def _forget(self, now_s: float) -> None:
        kept = {key: one for key, one in self._known.items() if now_s - one.at_s < self._settings.cache_s}
        self._known = {} if len(kept) > MOST_CACHED else kept

    def _about(self, country: str, plate: str, deadline_s: float) -> _Known:
        known = self._known.get((country, plate))
        if known is None:
            if self._clock() < self._rests_until_s:
                raise Unavailable(f"the registry at {self._host} is away and rests")
            try:
                known = self._fetched(country, plate, deadline_s)
            except Unavailable as exc:
                self._failures += 1
                if self._failures >= self._settings.failures:
                    _log.warning("registry.rests", why=str(exc), for_s=self._settings.rest_s)
                    self._rests_until_s = self._clock() + self._settings.rest_s
                raise
            self._failures = 0
            self._known[country, plate] = known
        return known

    def _fetched(self, country: str, plate: str, deadline_s: float) -> _Known:
        attempt = 0
        while True:
            at_s, as_of = self._clock(), datetime.now(UTC)
            try:
                status, content = self._get(country, plate, deadline_s)
            except (OSError, HTTPException) as exc:
                reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else type(exc).__name__
                status, content, why = 0, b"", f"does not answer: {reason}"  # its own words may hold the plate
            else:
                why = f"answers with status {status}"
            if status in (200, 404):
                return _Known(at_s, as_of, self._vignettes(country, plate, status, content))
            pause_s = BACK_OFF_S * 2**attempt
            may_pass = status in (0, 429) or status >= 500
            if not may_pass or attempt >= self._settings.retries or self._clock() + pause_s >= deadline_s:
                raise Unavailable(f"the registry at {self._host} {why}")
            time.sleep(pause_s)
            attempt += 1

    @property
    def _host(self) -> str:
        return urlsplit(self._settings.url).hostname or ""

    def _get(self, country: str, plate: str, deadline_s: float) -> tuple[int, bytes]:
        url = urlsplit(self._settings.url.replace("{country}", quote(country)).replace("{plate}", quote(plate)))
        left_s = deadline_s - self._clock()
        if left_s <= 0:
            raise TimeoutError("too slow")
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = kind(url.hostname or "", url.port, timeout=min(self._settings.timeout_s, left_s))
        headers = {"Accept": _JSON}
        if self._settings.token:
            headers["Authorization"] = f"Bearer {self._settings.token}"
        try:
            connection.request("GET", f"{url.path or '/'}{'?' if url.query else ''}{url.query}", headers=headers)
            response = connection.getresponse()
            content = self._content(response, min(deadline_s, self._clock() + self._settings.timeout_s))
            return response.status, content
        finally:
            connection.close()

    def _content(self, response: HTTPResponse, deadline_s: float) -> bytes:
        content = b""
        while piece := response.read1(_PIECE):
            content += piece
            if len(content) > LONGEST:
                raise HTTPException("too long an answer")
            if self._clock() > deadline_s:
                raise TimeoutError("too slow")
        if response.length:
            raise HTTPException("an answer cut off")
        return content

    def _vignettes(self, country: str, plate: str, status: int, content: bytes) -> tuple[Vignette, ...]:
        """Raises Unavailable where the answer is not in the agreed form: then nothing is known of the plate."""
        wrong = Unavailable(f"the registry at {self._host} answers status {status} with what is no list of vignettes")
        try:
            told = json.loads(content)
        except (ValueError, RecursionError):
            raise wrong from None
        if not isinstance(told, dict):
            raise wrong
        entries = cast(dict[str, object], told).get("vignettes", [] if status == 404 else None)
        if not isinstance(entries, list) or (status == 404 and entries):
            raise wrong
        if not entries:
            return ()
        filled: list[dict[str, object]] = []
        for entry in cast(list[object], entries):
            if not isinstance(entry, dict):
                raise wrong
            filled.append({"toll_country": country, "plate": plate, **cast(dict[str, object], entry)})
        try:
            found = list(rows([json.dumps(filled)], where="", form="json"))
        except BadRegistry:
            raise wrong from None  # its words may hold the plate
        if any((one.toll_country, one.plate) != (country, plate) for one in found):
            raise wrong
        return tuple(
            Vignette(
                id=0,
                toll_country=one.toll_country,
                plate=one.plate,
                plate_country=one.plate_country,
                kind=one.kind,
                valid_from=one.valid_from,
                valid_to=one.valid_to,
                vehicle_category=one.vehicle_category,
                bought_at=one.bought_at,
                source=one.source,
            )
            for one in found
        )
