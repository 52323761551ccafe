"""What is told of a verdict, to whom, in which form, and how it is signed. docs/notifications.md shows the forms."""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from anpr.notification_settings import Filters, Format, NotificationSettings
from anpr.types import Box, PlateEvent, VerdictStatus
from anpr.watch_lists import WatchHit

VERSION = 1  # of our own form; grows when a receiver would have to change
MOST_CANDIDATES = 10
MOST_HITS = 20
LONGEST_REASON = 500  # characters
AGENT = "anpr"
OPENALPR_PLATES = "eu"  # what OpenALPR calls plates as they are in Europe
_Plain = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A verdict with what those need who are told of it."""

    event: PlateEvent
    camera_id: int
    verdict_id: int
    status: VerdictStatus
    reason: str
    rules_version: str
    is_provisional: bool
    judged_at: datetime
    box: Box | None  # where the plate is in its best picture
    detection_score: float
    hits: tuple[WatchHit, ...] = ()
    is_test: bool = False

    @property
    def id(self) -> str:
        """The same for every delivery of this verdict on this revision of this event, to whomever."""
        return f"{self.event.id}-{self.event.revision}-{self.verdict_id}"


def wants(
    filters: Filters, event: PlateEvent, status: VerdictStatus, *, lists: frozenset[str] | set[str] = frozenset()
) -> bool:
    """Whether somebody with these filters is told of a verdict; `lists` are the watch lists that wait for the plate."""
    return (
        (not filters.verdicts or status in filters.verdicts)
        and (not filters.cameras or event.camera in filters.cameras)
        and (not filters.watch_lists or not lists.isdisjoint(filters.watch_lists))
        and event.confidence >= filters.min_confidence
    )


def body(notice: Notice, form: Format) -> bytes:
    """The JSON that is sent, the same bytes each time."""
    return json.dumps(_FORMS[form](notice), ensure_ascii=False, separators=(",", ":")).encode()


def signature(key: bytes, message_id: str, timestamp_s: int, content: bytes) -> str:
    """HMAC-SHA256 over `id.timestamp.content`, as the header `webhook-signature` of Standard Webhooks
    (standardwebhooks.com) has it."""
    signed = f"{message_id}.{timestamp_s}.".encode() + content
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()


def retry_after_s(settings: NotificationSettings, attempts: int, jitter: float) -> float:
    """How long to wait after so many failed attempts: doubling, between half and all of it as `jitter` (0..1) says."""
    longest = min(settings.longest_retry_s, settings.first_retry_s * 2 ** min(attempts - 1, 60))
    return longest * (0.5 + jitter / 2)


def own_form(notice: Notice, *, with_plate: bool = True) -> dict[str, object]:
    """Our own form; without the plate also without all that tells it."""
    event = notice.event
    seen: dict[str, object] = {
        "id": event.id,
        "revision": event.revision,
        "camera": event.camera,
        "toll_country": event.toll_country,
        "first_seen": _iso(event.first_seen),
        "last_seen": _iso(event.last_seen),
        "countries": [one.country for one in event.regions if one.country],
        "confidence": round(event.confidence, 4),
        "reads": event.reads,
        "agreeing": event.agreeing,
    }
    verdict: dict[str, object] = {
        "status": notice.status.value,
        "is_provisional": notice.is_provisional,
        "judged_at": _iso(notice.judged_at),
        "rules_version": notice.rules_version,
    }
    hits = notice.hits[:MOST_HITS]
    told_hits: list[dict[str, str]] = [{"list": hit.list, "match": hit.match.value} for hit in hits]
    if with_plate:
        candidates = event.candidates[:MOST_CANDIDATES]
        seen |= {
            "plate": event.judged_plate,
            "is_corrected": event.corrected_plate is not None,
            "candidates": [{"text": one.text, "confidence": round(one.confidence, 4)} for one in candidates],
        }
        verdict["reason"] = notice.reason[:LONGEST_REASON]
        told_hits = [{**told, "plate": hit.plate, "note": hit.note} for told, hit in zip(told_hits, hits, strict=True)]
    return {
        "type": "verdict",
        "version": VERSION,
        "id": notice.id,
        "is_test": notice.is_test,
        "event": seen,
        "verdict": verdict,
        "watch_hits": told_hits,
    }


def _extra(notice: Notice) -> dict[str, object]:
    """What the other dialects have no word for."""
    return {
        "id": notice.id,
        "event_id": notice.event.id,
        "revision": notice.event.revision,
        "verdict": notice.status.value,
        "is_provisional": notice.is_provisional,
        "judged_at": _iso(notice.judged_at),
        "reason": notice.reason[:LONGEST_REASON],
        "toll_country": notice.event.toll_country,
        "watch_lists": sorted({hit.list for hit in notice.hits}),
        "is_test": notice.is_test,
    }


def _openalpr(notice: Notice) -> _Plain:
    """As the agents of OpenALPR and Rekor Scout post a group (docs.rekor.ai, "JSON Group Results"): confidences in
    percent, times in milliseconds since 1970, a region after the part of the world whose plates are looked for. What we
    do not measure is left out."""
    event = notice.event
    start_ms, end_ms = _epoch_ms(event.first_seen), _epoch_ms(event.last_seen)
    uuid = f"{AGENT}-cam{notice.camera_id}-{start_ms}-{event.id}"
    percent = round(event.confidence * 100, 4)
    candidates = [
        {"plate": one.text, "confidence": round(one.confidence * 100, 4), "matches_template": 0}
        for one in event.candidates[:MOST_CANDIDATES]
    ]
    country, probability = _country(event)
    region = f"{OPENALPR_PLATES}-{country}" if country else ""
    best: dict[str, object] = {
        "plate": event.judged_plate,
        "confidence": percent,
        "matches_template": 0,
        "plate_index": 0,
        "region": region,
        "region_confidence": round(probability * 100, 4),
        "requested_topn": MOST_CANDIDATES,
        "coordinates": [] if notice.box is None else _corners(notice.box),
        "candidates": candidates,
    }
    return {
        "data_type": "alpr_group",
        "version": 2,
        "epoch_start": start_ms,
        "epoch_end": end_ms,
        "agent_uid": AGENT,
        "agent_type": AGENT,
        "agent_version": version("anpr"),
        "company_id": "",
        "camera_id": notice.camera_id,
        "country": OPENALPR_PLATES,
        "uuids": [uuid],
        "plate_indexes": [0],
        "best_uuid": uuid,
        "best_uuid_epoch_ms": start_ms,
        "best_plate": best,
        "best_plate_number": event.judged_plate,
        "best_confidence": percent,
        "best_region": region,
        "best_region_confidence": round(probability * 100, 4),
        "matches_template": False,
        "candidates": candidates,
        "is_preview": False,
        "web_server_config": {"camera_label": event.camera, "agent_label": AGENT},
        "custom_data": _extra(notice),
    }


def _country(event: PlateEvent) -> tuple[str, float]:
    """The likeliest country of the plate in small letters, and its probability; "" where none is known."""
    best = next((one for one in event.regions if one.country), None)
    return ("", 0.0) if best is None else (best.country.lower(), best.probability)


def _corners(box: Box) -> list[dict[str, int]]:
    left, top, right, bottom = round(box.x1), round(box.y1), round(box.x2), round(box.y2)
    return [{"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]


def _plate_recognizer(notice: Notice) -> _Plain:
    """As the Stream of Plate Recognizer posts a recognition (guides.platerecognizer.com, "Webhooks and Outputs"):
    plates in small letters, scores 0..1. What we do not measure is left out."""
    event, box = notice.event, notice.box
    corners = (0.0, 0.0, 0.0, 0.0) if box is None else (box.x1, box.y1, box.x2, box.y2)
    country, probability = _country(event)
    result: dict[str, object] = {
        "plate": event.judged_plate.lower(),
        "score": round(event.confidence, 4),
        "dscore": round(notice.detection_score, 4),
        "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), map(round, corners), strict=True)),
        "region": {"code": country, "score": round(probability, 4)},
        "candidates": [
            {"plate": one.text.lower(), "score": round(one.confidence, 4)} for one in event.candidates[:MOST_CANDIDATES]
        ],
    }
    return {
        "hook": {"id": event.camera, "event": "recognition"},
        "data": {
            "camera_id": event.camera,
            "timestamp": _iso(event.first_seen),
            "timestamp_local": event.first_seen.astimezone(UTC).isoformat(" ", "microseconds"),
            "results": [result],
            "anpr": _extra(notice),
        },
    }


_FORMS: Mapping[Format, Callable[[Notice], _Plain]] = {
    Format.ANPR: own_form,
    Format.OPENALPR: _openalpr,
    Format.PLATE_RECOGNIZER: _plate_recognizer,
}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
