from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from anpr.tones import tone_of
from anpr.types import Candidate, PlateEvent, Region, VerdictStatus
from cli.report.table import country, events_table, percent
from storage.plate_events import EventRow

EVENING = datetime(2026, 5, 1, 21, 30, tzinfo=UTC)  # 23:30 in Prague


def an_event(
    *, plate: str = "1A23456", camera: str = "gate", first_seen: datetime = EVENING, toll_country: str = "CZ"
) -> PlateEvent:
    return PlateEvent(
        id=1,
        session_id=1,
        camera=camera,
        plate=plate,
        confidence=0.974,
        candidates=(Candidate(text=plate, confidence=0.974),),
        reads=11,
        agreeing=9,
        first_seen=first_seen,
        last_seen=first_seen + timedelta(seconds=2),
        toll_country=toll_country,
        state="closed",
        revision=1,
    )


def a_row(
    event: PlateEvent, *, status: VerdictStatus | None = VerdictStatus.VALID, reason: str | None = ""
) -> EventRow:
    return EventRow(event=event, status=status, reason=reason, picture=None)


def shown(*rows: EventRow, colour: bool = False) -> str:
    out = StringIO()
    console = Console(file=out, width=120, force_terminal=colour, color_system="standard" if colour else None)
    console.print(events_table(rows))
    return out.getvalue()


def test_a_row_tells_what_passed_and_what_was_judged() -> None:
    text = shown(a_row(an_event(), reason="paid until 3 May"))
    line = next(line for line in text.splitlines() if "1A23456" in line)
    assert line.split() == ["1", "23:30:00", "gate", "1A23456", "97", "%", "9/11", "VALID", "paid", "until", "3", "May"]


def test_a_row_tells_the_country_and_whether_that_and_the_plate_are_certain() -> None:
    def of(probability: float, country: str = "CZ") -> PlateEvent:
        return replace(an_event(), regions=(Region(country=country, probability=probability),))

    assert "CZ" in shown(a_row(of(0.95))).split()
    assert "CZ?" in shown(a_row(of(0.6))).split()
    assert country(of(0.95, "")) == country(an_event()) == ""
    assert " 1A23456→7S91234 " in shown(a_row(replace(an_event(), corrected_plate="7S91234")))


def test_the_day_that_all_share_is_the_toll_countrys_and_stands_in_the_title() -> None:
    assert "1 plate event, 2026-05-01" in shown(a_row(an_event()))


def test_events_of_several_days_show_their_day() -> None:
    later = an_event(first_seen=EVENING + timedelta(hours=1))
    text = shown(a_row(an_event()), a_row(later))
    assert "2026-05-01 23:30:00" in text
    assert "2026-05-02 00:30:00" in text


def test_each_event_is_in_its_own_countrys_time() -> None:
    text = shown(a_row(an_event(toll_country="BG")), a_row(an_event(toll_country="CZ")))
    assert "2026-05-02 00:30:00" in text
    assert "2026-05-01 23:30:00" in text


def test_a_camera_name_with_brackets_is_shown_as_it_is() -> None:
    assert "[red]north[/]" in shown(a_row(an_event(camera="[red]north[/]")))


def test_no_events_make_an_empty_table() -> None:
    assert "0 plate events" in shown()


def test_an_event_that_still_passes_says_so() -> None:
    text = shown(a_row(replace(an_event(), state="open"), status=None, reason=None))
    assert "NOT JUDGED" in text
    assert "still passing" in text


@pytest.mark.parametrize(
    ("status", "code"),
    [(VerdictStatus.VALID, "32"), (VerdictStatus.SUSPECT, "31"), (VerdictStatus.AMBIGUOUS, "33")],
)
def test_a_verdict_has_its_colour(status: VerdictStatus, code: str) -> None:
    assert f"\x1b[1;{code}m{status.value}" in shown(a_row(an_event(), status=status), colour=True)


def test_every_verdict_has_a_tone_and_only_suspect_is_bad() -> None:
    assert [status for status in VerdictStatus if tone_of(status) == "bad"] == [VerdictStatus.SUSPECT]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.974, "97 %"), (0.9999, "99 %"), (1.0, "100 %"), (0.0001, "1 %"), (0.0, "0 %")],
)
def test_only_certainty_is_a_hundred_percent(share: float, words: str) -> None:
    assert percent(share) == words
