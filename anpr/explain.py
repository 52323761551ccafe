"""A verdict in plain words, for the person whose car it is."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from anpr.rule_packs import RulePack
from anpr.types import PlateEvent, Verdict, VerdictStatus

_MEANINGS = {
    VerdictStatus.VALID: "The vignette was valid: {reason}.",
    VerdictStatus.EXEMPT: "No vignette was needed: the vehicle is listed as exempt.",
    VerdictStatus.NOT_LIABLE: "No vignette was needed: {reason}.",
    VerdictStatus.GRACE: "There was no vignette at that moment, but one was bought in the time allowed: {reason}.",
    VerdictStatus.AMBIGUOUS: "Whether a vignette was missing cannot be told: {reason}. Nobody is suspected.",
    VerdictStatus.UNREADABLE: "Nothing was checked: {reason}.",
    VerdictStatus.REGISTRY_UNKNOWN: "Whether there was a vignette could not be checked: {reason}. Nobody is suspected.",
    VerdictStatus.SUSPECT: "No valid vignette was found: {reason}. This is a suspicion, not a decision.",
}
LIKELY = 0.5  # probability from which a country is named
_STANDINGS = {"law": "law", "operator": "operator", "secondary": "reported", "unverified": "not verified"}


def explain(event: PlateEvent, verdict: Verdict, pack: RulePack | None) -> str:
    """Paragraphs on what was seen, what follows from it and why, with the rules (`pack`) of that day and their sources.

    It names no plate but the event's own: those of look-alikes belong to other people.
    """
    zone = "UTC" if pack is None else pack.zone
    parts = [_seen(event, zone) + _corrected(event) + _country(event), _meaning(event, verdict, zone)]
    if verdict.status is VerdictStatus.SUSPECT:
        parts.append(_objections(pack))
    parts.append(_judged(event, verdict, zone))
    if pack is not None:
        parts.append(_sources(pack))
    return "\n\n".join(parts)


def _seen(event: PlateEvent, zone: str) -> str:
    plate = f"the plate {event.plate}" if event.plate else "a plate that nobody could read"
    sure = f"{event.agreeing} of {event.reads} looks agree; taken together they are {_percent(event.confidence)} sure"
    return f'On {_local(event.first_seen, zone)} the camera "{event.camera}" saw {plate} ({sure}).'


def _corrected(event: PlateEvent) -> str:
    if event.corrected_plate is None:
        return ""
    return f" Somebody who looked at it says that the plate is {event.corrected_plate}: that is what was judged."


def _country(event: PlateEvent) -> str:
    if not event.regions:
        return ""
    likeliest = event.regions[0]
    if not likeliest.country or likeliest.probability < LIKELY:
        return " Which country the plate is of cannot be told."
    return f" The plate is most likely of {likeliest.country} ({_percent(likeliest.probability)})."


def _meaning(event: PlateEvent, verdict: Verdict, zone: str) -> str:
    reason = verdict.reason
    for other in verdict.readings_tried:
        if other != event.judged_plate:
            reason = re.sub(rf"\b{re.escape(other)}\b", "a plate that looks much like it", reason)
    if verdict.judge_again_at is not None:
        again = _local(verdict.judge_again_at, zone)
        return f"{verdict.status}. There was no vignette at that moment, but there is time to buy one until {again}."
    return f"{verdict.status}. {_MEANINGS[verdict.status].format(reason=reason)}"


_OBJECTIONS = (
    "It is wrong if the plate in the picture is another, if the vignette was bought for a mistyped plate, or if the"
    " vehicle is exempt."
)


def _objections(pack: RulePack | None) -> str:
    told = [_OBJECTIONS]
    if pack is not None and pack.exempt:
        exempt = [f"- {one.what}{'' if one.listed else ' (not in the list)'}" for one in pack.exempt]
        told += ["Exempt are, among others:", *exempt]
    return "\n".join(told)


def _judged(event: PlateEvent, verdict: Verdict, zone: str) -> str:
    others = sum(text != event.judged_plate for text in verdict.readings_tried)
    asked = "No list of vignettes was asked."
    if verdict.snapshot_id is not None:
        alike = f" and for {others} others that it may be mistaken for" if others else ""
        asked = f"List {verdict.snapshot_id} of {event.toll_country} was asked for the plate{alike}."
    return f"What counts is the moment of the passing, {zone} time. {asked} Rules: {verdict.rules_version}."


def _sources(pack: RulePack) -> str:
    found = [f"- {one.title} ({_STANDINGS[one.standing]}){f': {one.url}' if one.url else ''}" for one in pack.cited]
    return "\n".join([f"The rules {pack.version} were read in:", *found])


def _percent(share: float) -> str:
    """Whole percent; 100 is certain."""
    return f"{share if share == 1 else min(share, 0.99):.0%}"


def _local(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d at %H:%M:%S %Z}"
