"""`anpr check`: what the registry says of one plate."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import typer

from anpr.types import Vignette
from anpr.vignettes import ZONES, JudgeRules
from cli import searches, settings
from cli.options import TIME_HELP, TollCountry, migrated_database, moment
from cli.searches import AsOption, ReasonOption
from cli.settings import ConfigOption
from storage.lookups import Checked, look_up, plate_of


def check(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    plate: Annotated[str, typer.Argument(help="as it is written: spaces, hyphens and case do not matter")],
    country: TollCountry = None,
    at: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help=f"moment, {TIME_HELP} [default: now]")
    ] = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="how to print it")] = "text",
    who: AsOption = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
) -> None:
    """Say whether the vignette list in force has a vignette for a plate at a moment.

    Look-alike plates that are paid for (0 and O, 8 and B) are named as hints; they do not count. The search is
    recorded.

    Exit status: **0** valid or exempt; **1** no vignette, no list, a list too old, or no answer from the database;
    **2** something given is wrong.
    """
    loaded = settings.load(config)
    rules = JudgeRules(registry_max_age_h=loaded.check.registry_max_age_h)
    with migrated_database(config) as database:
        searches.record(database, loaded.retention, command="check", plate=plate_of(plate), who=who, reason=reason)
        checked = look_up(
            database,
            plate,
            country=country or loaded.defaults.toll_country,
            at=at or datetime.now(UTC),
            rules=rules,
        )
    print(json.dumps(_plain(checked), ensure_ascii=False) if output == "json" else _text(checked))
    if not checked.is_paid:
        raise typer.Exit(1)


def _text(checked: Checked) -> str:
    zone = ZoneInfo(ZONES[checked.country])
    at = f"{checked.at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    reason = "" if checked.reason == f"no vignette for {checked.country}" else f" ({checked.reason})"
    told = [f"{checked.plate}: {checked.answer} in {checked.country} at {at}{reason}"]
    if not checked.is_paid:
        told += [f"hint: {one.plate} looks alike and has a {one.kind} vignette" for one in checked.look_alikes]
    return "\n".join(told)


def _plain(checked: Checked) -> dict[str, Any]:
    snapshot = checked.snapshot
    return {
        "plate": checked.plate,
        "country": checked.country,
        "at": checked.at.isoformat(),
        "answer": checked.answer,
        "reason": checked.reason,
        "vignette": None if checked.vignette is None else _plain_vignette(checked.vignette),
        "look_alikes": [_plain_vignette(one) for one in checked.look_alikes],
        "registry": None if snapshot is None else {"id": snapshot.id, "as_of": _utc(snapshot.as_of)},
    }


def _plain_vignette(one: Vignette) -> dict[str, str]:
    return {
        "plate": one.plate,
        "plate_country": one.plate_country,
        "kind": one.kind,
        "valid_from": _utc(one.valid_from),
        "valid_to": _utc(one.valid_to),
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
