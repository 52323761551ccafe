"""A road with a day of traffic in Postgres and in the evidence directory, as the dashboard shows it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from anpr.cases import CaseKey, liability_period
from anpr.types import Box, Candidate, PlateOutcome, Reading, Region, Verdict, VerdictStatus, Vote
from anpr.vignette_lists import VignetteRow
from models.render import formats
from models.render.countries import COUNTRIES
from models.render.fonts import Fonts
from models.render.formats import PlateText
from models.render.sample import rendered
from storage import cases, evidence, plate_events, plate_reads, sessions, verdicts, vignettes
from storage.db import Conn, Database
from storage.plate_reads import DetectedPlate
from storage.sessions import IngestCounters

PASSED = (
    ("CZ", VerdictStatus.VALID),
    ("SK", VerdictStatus.VALID),
    ("CZ", VerdictStatus.SUSPECT),
    ("DE", VerdictStatus.EXEMPT),
    ("PL", VerdictStatus.VALID),
    ("AT", VerdictStatus.AMBIGUOUS),
    ("CZ", None),
    ("IT", VerdictStatus.GRACE),
    ("GB", VerdictStatus.UNREADABLE),
    ("NL", VerdictStatus.REGISTRY_UNKNOWN),
    ("UA", VerdictStatus.NOT_LIABLE),
    ("CZ", VerdictStatus.VALID),
)
REASONS = {
    VerdictStatus.VALID: "year vignette valid to the end of the year",
    VerdictStatus.SUSPECT: "no vignette for CZ",
    VerdictStatus.AMBIGUOUS: "a plate that is one look-alike away is paid",
}
LOOKS = 3


@dataclass(slots=True, kw_only=True)
class Road:
    """Cameras, and cars that pass them."""

    database: Database
    evidence_dir: Path
    fonts: Fonts
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    _sessions: dict[str, int] = field(default_factory=dict)
    _frames: dict[str, int] = field(default_factory=dict)

    def camera(self, name: str, counters: IngestCounters | None, *, is_live: bool = True, ended: bool = False) -> None:
        """A camera that has run, as far as these counters; None: it never has."""
        with self.database.transaction() as conn:
            camera_id = sessions.camera_id(conn, name, toll_country="CZ")
            if counters is None:
                return
            self._sessions[name] = sessions.start(
                conn, camera=camera_id, source=name, key=name, is_live=is_live, expected_frames=None
            )
            sessions.report(conn, self._sessions[name], counters, ended=ended, complete=ended)
            told = {"no_plate": 0.62, "read": 0.3, "shed": 0.03, "expired": 0.01, "failed": 0.002}
            values = {key: int(counters.sampled * share) for key, share in told.items()}
            conn.execute(
                "update sessions set no_plate = %(no_plate)s, read = %(read)s, shed = %(shed)s, expired = %(expired)s,"
                " failed = %(failed)s, watermark = now() - interval '1 second' where id = %(id)s",
                values | {"id": self._sessions[name]},
            )

    def plate(self, country: str) -> PlateText:
        return formats.draw(self.rng, COUNTRIES, mixture={country: 1.0}, two_line=0.0)

    def passing(
        self,
        text: PlateText,
        *,
        camera: str,
        at: datetime,
        status: VerdictStatus | None = VerdictStatus.VALID,
        with_pictures: bool = True,
    ) -> int:
        """One car that is read LOOKS times, its event closed and judged unless `status` is None."""
        with self.database.transaction() as conn:
            event_id = self._seen(conn, text, camera, at, with_pictures=with_pictures)
            if status is not None:
                verdicts.add(conn, event_id, 2, _verdict(text.text, status))
                late = timedelta(seconds=float(self.rng.lognormal(2.0, 0.2)))
                conn.execute("update verdicts set judged_at = %s where event_id = %s", [at + late, event_id])
        return event_id

    def _seen(self, conn: Conn, text: PlateText, camera: str, at: datetime, *, with_pictures: bool) -> int:
        session_id = self._sessions[camera]
        first = self._frames.get(camera, 0)
        self._frames[camera] = first + LOOKS
        event_id = plate_events.create(conn, session_id, at=at)
        region = (Region(country=text.country, probability=0.93), Region(country="", probability=0.04))
        keys = [(first + look, 0) for look in range(LOOKS)]
        for look, key in enumerate(keys):
            box = Box(x1=600.0 + 20 * look, y1=400, x2=720.0 + 20 * look, y2=428)
            seen = DetectedPlate(
                frame_no=key[0],
                plate_no=0,
                captured_at=at + timedelta(seconds=look / 5),
                box=box,
                score=0.9,
                outcome=None,
            )
            plate_reads.add_detected(conn, session_id, [seen])
            reading = Reading(candidates=candidates(text.text, 0.97 - 0.22 * look), regions=region)
            plate_reads.save(conn, session_id, key, PlateOutcome.READ, reading)
            if with_pictures:
                jpeg = self._picture(text)
                evidence.add(conn, session_id, evidence.write(self.evidence_dir, session_id, key, jpeg))
        plate_reads.assign(conn, session_id, keys, event_id)
        sure = float(self.rng.beta(30, 1))
        vote = Vote(plate=text.text, confidence=sure, candidates=candidates(text.text, sure), agreeing=LOOKS)
        best = min(plate_reads.of_event(conn, event_id, most=LOOKS), key=lambda read: read.frame_no)
        plate_events.revote(conn, event_id, vote, best, region)
        conn.execute("update plate_events set state = 'closed', closed_at = now() where id = %s", [event_id])
        return event_id

    def _picture(self, text: PlateText) -> bytes:
        image = rendered(self.rng, text, self.fonts, difficulty=0.25).image
        done, jpeg = cv2.imencode(".jpg", image)
        assert done
        return jpeg.tobytes()

    def case(self, event_id: int) -> int:
        """An open case of one suspected passing."""
        with self.database.transaction() as conn:
            row = plate_events.get(conn, event_id)
            assert row is not None
            begin, end = liability_period(row.event.toll_country, row.event.first_seen)
            key = CaseKey(toll_country="CZ", plate=row.event.plate, period_from=begin, period_to=end)
            found = conn.execute("select id from suspicions where event_id = %s", [event_id]).fetchone()
            assert found is not None
            return cases.join(conn, key, suspicion_id=found[0], event_id=event_id)[0]

    def registry(self, plates: Sequence[str], *, as_of: datetime) -> int:
        rows = [
            VignetteRow(
                toll_country="CZ",
                plate=plate,
                plate_country="",
                kind="year",
                valid_from=as_of - timedelta(days=30),
                valid_to=as_of + timedelta(days=300),
            )
            for plate in plates
        ]
        sha256 = hashlib.sha256("".join(plates).encode()).hexdigest()
        with self.database.transaction() as conn:
            return vignettes.import_snapshot(
                conn, "CZ", rows, vignettes.Origin(source="/lists/cz.csv", sha256=sha256, as_of=as_of)
            )


def candidates(text: str, confidence: float) -> tuple[Candidate, ...]:
    """The text, and two others that differ in the last and in the third character."""
    last = "8" if text[-1] != "8" else "B"
    third = "O" if text[2] != "O" else "0"
    rest = 1 - confidence
    return (
        Candidate(text=text, confidence=confidence),
        Candidate(text=text[:-1] + last, confidence=rest * 0.7),
        Candidate(text=text[:2] + third + text[3:], confidence=rest * 0.2),
    )


def _verdict(plate: str, status: VerdictStatus) -> Verdict:
    return Verdict(
        status=status,
        reason=REASONS.get(status, "as the rules of the country say"),
        readings_tried=(plate,),
        vignette_id=None,
        snapshot_id=None,
        rules_version="2026-11+cz",
    )


def fill(road: Road, *, now: datetime, cars: int, pictured: int = len(PASSED)) -> list[int]:
    """A day of cars at two cameras, a case, and two lists; the ids of the newest cars, those `pictured`."""
    road.camera("gate-north", IngestCounters(offered=120_400, sampled_out=96_100, shed_early=300, sampled=24_000))
    road.camera("gate-south", IngestCounters(offered=9_000, sampled_out=7_000, sampled=2_000, corrupt=12, reconnects=3))
    road.camera("ferry", IngestCounters(offered=400, sampled=400), is_live=False, ended=True)
    road.camera("bridge", None)
    with road.database.transaction() as conn:
        conn.execute(
            "update sessions set seen_at = now() - interval '5 minutes' where camera_id ="
            " (select id from cameras where name = 'gate-south')"
        )
    newest: list[int] = []
    for place in range(cars):
        country, status = PASSED[place % len(PASSED)]
        at = now - timedelta(minutes=1) - timedelta(hours=23) * place / cars
        camera = ("gate-north", "gate-north", "gate-south")[place % 3]
        shown = place < pictured
        newest += [road.passing(road.plate(country), camera=camera, at=at, status=status, with_pictures=shown)] * shown
    road.case(newest[2])
    road.registry(["1A23456", "2B34567"], as_of=now - timedelta(days=12))
    road.registry(["1A23456", "2B34567", "3C45678"], as_of=now - timedelta(hours=6))
    return newest
