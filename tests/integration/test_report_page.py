import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from anpr.errors import BadConfig
from anpr.types import Candidate, PlateEvent, PlateOutcome, VerdictStatus
from cli.report.annotate import Video
from cli.report.html import MOST_SHOWN, Part, frame_parts, plate_parts, write_report
from storage.plate_events import EventRow
from storage.sessions import Session

NOON = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)  # 12:00 in Prague
JPEG = b"\xff\xd8 a crop \xff\xd9"
VOID = {"meta", "img", "br"}


def a_row(
    *,
    id: int = 1,
    plate: str = "1A23456",
    status: VerdictStatus | None = VerdictStatus.VALID,
    picture: str | None = None,
) -> EventRow:
    event = PlateEvent(
        id=id,
        session_id=1,
        camera="gate",
        plate=plate,
        confidence=0.97,
        candidates=(Candidate(text=plate, confidence=0.97), Candidate(text="IA23456", confidence=0.02)),
        reads=11,
        agreeing=9,
        first_seen=NOON,
        last_seen=NOON + timedelta(seconds=2.4),
        toll_country="CZ",
        state="closed",
        revision=1,
    )
    return EventRow(event=event, status=status, reason="because", picture=picture)


def a_session(**counters: int) -> Session:
    blank = Session(
        id=1,
        camera_id=1,
        camera="gate",
        toll_country="CZ",
        source="clip.mp4",
        is_live=False,
        expected_frames=None,
        started_at=NOON,
        ended_at=NOON,
        complete=True,
        settled_at=NOON,
        watermark=None,
        offered=0,
        sampled_out=0,
        shed_early=0,
        sampled=0,
        corrupt=0,
        reconnects=0,
        no_plate=0,
        read=0,
        shed=0,
        expired=0,
        failed=0,
    )
    return replace(blank, **counters)


def page(
    directory: Path,
    *rows: EventRow,
    sessions: Sequence[Session] = (),
    outcomes: Mapping[PlateOutcome | None, int] | None = None,
    videos: Sequence[Video] = (),
    title: str = "A run",
    took_s: float | None = None,
) -> str:
    path = write_report(
        directory / "report",
        sessions=sessions,
        events=rows,
        outcomes=outcomes or {},
        pictures=directory / "evidence",
        videos=videos,
        title=title,
        made_at=NOON,
        took_s=took_s,
        versions={"anpr": "1.2.3"},
    )
    return path.read_text(encoding="utf-8")


def words(text: str) -> str:
    """What a reader sees of the body, in one line."""
    body = text.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


class Nesting(HTMLParser):
    """Fails where a tag is closed that is not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "poster")]
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "7.jpg").write_bytes(JPEG)
    return tmp_path


def test_a_car_is_told_with_its_time_camera_verdict_and_other_readings(tmp_path: Path) -> None:
    told = words(page(tmp_path, a_row()))
    for fact in (
        "1A23456 VALID because",
        "Confidence 97 %",
        "Passed 2026-05-01 12:00:00 CEST",
        "Camera gate (CZ)",
        "9/11 agree, in 2.4 s",
        "Or else IA23456 2 %",
    ):
        assert fact in told


def test_readings_that_nobody_would_take_are_not_told(tmp_path: Path) -> None:
    row = a_row()
    unlikely = (Candidate(text="1A23456", confidence=0.99), Candidate(text="IA23456", confidence=0.004))
    assert "IA23456" not in page(tmp_path, replace(row, event=replace(row.event, candidates=unlikely)))


def test_cars_are_counted_by_verdict_the_suspect_first(tmp_path: Path) -> None:
    rows = [a_row(id=1), a_row(id=2, status=VerdictStatus.SUSPECT), a_row(id=3), a_row(id=4, status=None)]
    assert "4 CARS 1 SUSPECT 2 VALID 1 NOT JUDGED" in words(page(tmp_path, *rows))


def test_the_page_nests_well_and_asks_for_nothing_but_its_video(evidence: Path) -> None:
    video = Video(camera="gate", path=evidence / "report" / "a b.mp4", appears_s={1: 3.9}, poster=JPEG)
    text = page(evidence, a_row(picture="7.jpg"), a_row(id=2), sessions=[a_session(offered=3, read=3)], videos=[video])
    parser = Nesting()
    parser.feed(text)
    parser.close()
    assert parser.opened == []
    picture = "data:image/jpeg;base64,/9ggYSBjcm9wIP/Z"
    assert parser.addresses == ["a%20b.mp4", picture, "a%20b.mp4", picture, "a%20b.mp4#t=3.4"]
    assert "http" not in text
    assert "url(" not in text
    assert "<script" not in text


def test_what_comes_from_outside_is_escaped(tmp_path: Path) -> None:
    row = replace(a_row(), reason="<script>alert(1)</script>")
    text = page(tmp_path, row, title="<b>&", sessions=[replace(a_session(), source='"><img src=x>')])
    assert "<script" not in text
    assert "<title>&lt;b&gt;&amp;</title>" in text
    assert "<img" not in text


def test_a_picture_that_is_gone_is_said_to_be_gone(evidence: Path) -> None:
    assert words(page(evidence, a_row(picture="8.jpg"))).count("no picture kept") == 1


def test_a_picture_has_a_text_for_those_who_do_not_see_it(evidence: Path) -> None:
    assert 'alt="Picture of the plate 1A23456 at 12:00:00"' in page(evidence, a_row(picture="7.jpg"))


def test_a_run_without_plates_says_so(tmp_path: Path) -> None:
    assert "0 CARS Cars No plate was read." in words(page(tmp_path))


def test_only_the_last_cars_are_shown_but_all_are_counted(tmp_path: Path) -> None:
    rows = [a_row(id=number, plate=f"P{number}") for number in range(MOST_SHOWN + 2)]
    text = page(tmp_path, *rows)
    assert "<b>P1</b>" not in text
    assert "<b>P2</b>" in text
    assert "1 002 CARS 1 002 VALID" in words(text.replace("\u202f", " "))


def test_every_offered_frame_is_in_the_ledger() -> None:
    counters = {
        "offered": 100,
        "sampled_out": 40,
        "shed_early": 1,
        "no_plate": 20,
        "read": 25,
        "shed": 2,
        "expired": 3,
        "failed": 4,
    }
    assert frame_parts([a_session(**counters)]) == [
        Part(words="held plates", count=25, shade="used"),
        Part(words="no plate", count=20, shade="plain"),
        Part(words="sampled out", count=40, shade="idle"),
        Part(words="shed", count=3, shade="lost"),
        Part(words="expired", count=3, shade="lost"),
        Part(words="failed", count=4, shade="lost"),
        Part(words="still on their way", count=5, shade="lost"),
    ]


def test_every_outcome_of_a_plate_is_in_the_ledger() -> None:
    outcomes = {outcome: 2**place for place, outcome in enumerate([*PlateOutcome, None])}
    assert sum(part.count for part in plate_parts(outcomes)) == sum(outcomes.values())


def test_the_ledger_is_told_in_words_too(tmp_path: Path) -> None:
    text = page(tmp_path, sessions=[a_session(offered=4, sampled_out=3, read=1)], outcomes={PlateOutcome.READ: 2})
    assert 'aria-label="1 held plates, 3 sampled out"' in text
    assert "1 held plates 25 % 3 sampled out 75 % 4 frames offered in all" in words(text)
    assert "2 read 100 % 2 plates found in all" in words(text)


def test_a_source_that_lost_something_says_what(tmp_path: Path) -> None:
    session = replace(a_session(offered=9, corrupt=2, reconnects=1), complete=False)
    told = words(page(tmp_path, sessions=[session]))
    assert "clip.mp4 2 corrupt frames skipped 1 reconnects not read to its end CZ 9" in told


def test_a_directory_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(BadConfig, match=r"^the report cannot be written to .*report: File exists$"):
        page(tmp_path)
