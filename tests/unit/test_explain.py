from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOON, a_vignette, an_event

from anpr import rule_packs
from anpr.explain import explain
from anpr.types import PlateEvent, Region, Vignette
from anpr.vignettes import JudgeRules, Snapshot, judge, readings


def explained(event: PlateEvent, *vignettes: Vignette, as_of_h: float = -1, now_h: float = 0) -> str:
    snapshot = Snapshot(id=3, toll_country=event.toll_country, as_of=event.first_seen + timedelta(hours=as_of_h))
    now = event.first_seen + timedelta(hours=now_h)
    verdict = judge(event, vignettes, snapshot=snapshot, rules=JudgeRules(), now=now)
    return explain(event, verdict, rule_packs.in_force(event.toll_country, event.first_seen))


def test_a_valid_passing_is_told_whole() -> None:
    event = an_event(toll_country="MD")
    others = len(readings(event, JudgeRules())) - 1
    assert explained(event, a_vignette()) == (
        'On 2026-05-01 at 15:00:00 EEST the camera "gate" saw the plate 1A23456'
        " (5 of 5 looks agree; taken together they are 99% sure).\n\n"
        "VALID. The vignette was valid: year vignette valid until 2026-05-31 15:00.\n\n"
        "What counts is the moment of the passing, Europe/Chisinau time."
        f" List 3 of MD was asked for the plate and for {others} others that it may be mistaken for."
        " Rules: 2026-11 MD-2012-11.\n\n"
        "The rules MD-2012-11 were read in:\n"
        "- e-Vinieta, questions (who pays) (operator): http://evinieta.gov.md/Home/FAQ\n"
        "- Omnis, quoting the Fiscal Code, Art. 347¹ (from 00:00 or the payment to 24:00 of the last day) (reported):"
        " https://blog.omnis.md/faq/cand-trebuie-sa-platesc-vinieta-si-cand-incepe-sa-fie-valabila/\n"
        "- BlackSeaNews, periods from 1 November 2012 (reported): https://www.blackseanews.net/en/read/48148"
    )


def test_a_suspect_hears_that_it_is_no_decision_and_what_may_be_wrong() -> None:
    told = explained(an_event())
    assert "SUSPECT. No valid vignette was found: no vignette for CZ. This is a suspicion, not a decision." in told
    assert "if the vignette was bought for a mistyped plate" in told
    assert "- children in treatment for cancer (not in the list)\n" in told
    assert "- homes for people with disabilities (after notice)\n" in told


def test_the_plates_of_others_are_not_told() -> None:
    told = explained(an_event("1A23456"), a_vignette("IA23456"))
    assert "it may be a plate that looks much like it, which is paid" in told
    assert "IA23456" not in told


def test_the_country_of_a_plate_is_told_where_it_is_likely() -> None:
    likely = replace(an_event(), regions=(Region(country="SK", probability=0.62),))
    assert "99% sure). The plate is most likely of SK (62%).\n" in explained(likely)
    unknown = replace(an_event(), regions=(Region(country="", probability=0.62),))
    assert "Which country the plate is of cannot be told." in explained(unknown)


def test_a_correction_is_told_beside_the_vote_and_its_plate_is_no_secret() -> None:
    told = explained(replace(an_event("1A23456"), corrected_plate="7S91234"), a_vignette("7S91234"))
    assert "saw the plate 1A23456" in told
    assert "Somebody who looked at it says that the plate is 7S91234: that is what was judged." in told
    assert "was asked for the plate." in told


def test_grace_says_until_when_or_that_it_was_used() -> None:
    event = an_event(toll_country="HU")
    assert "GRACE. There was no vignette at that moment, but there is time to buy one until 2026-05-01 at 15:00:00" in (
        explained(event)
    )
    late = replace(a_vignette(), bought_at=NOON + timedelta(minutes=5))
    assert "GRACE. There was no vignette at that moment, but one was bought in the time allowed" in (
        explained(event, late, as_of_h=2, now_h=2)
    )


@pytest.mark.parametrize(
    ("event", "as_of_h", "told"),
    [
        (an_event(confidence=0.1), -1, "UNREADABLE. Nothing was checked: the plate could not be read"),
        (replace(an_event(), plate=""), -1, "saw a plate that nobody could read"),
        (an_event(), -1000, "REGISTRY_UNKNOWN. Whether there was a vignette could not be checked: the list for CZ is"),
        (
            an_event(agreeing=1),
            -1,
            "AMBIGUOUS. Whether a vignette was missing cannot be told: not paid as read, but",
        ),
        (an_event(toll_country="XX"), -1, "the rules of XX on that day are not known here. Nobody is suspected."),
    ],
)
def test_nobody_is_suspected_in_doubt_and_the_doubt_is_told(event: PlateEvent, as_of_h: float, told: str) -> None:
    assert told in explained(event, as_of_h=as_of_h)
