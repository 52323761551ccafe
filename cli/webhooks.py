"""`anpr webhooks`: the HTTP servers that are told of verdicts."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from anpr.config import Settings, Webhook
from anpr.errors import BadConfig
from anpr.notification_settings import Filters
from anpr.notifications import Notice
from anpr.types import Box, Candidate, PlateEvent, VerdictStatus
from cli import settings
from cli.options import migrated_database
from cli.settings import ConfigOption
from ingest.redact import redact
from storage import dead_letters, notifications
from storage.notifications import TargetState

app = typer.Typer(help="The HTTP servers that are told of verdicts.", no_args_is_help=True)

TargetOption = Annotated[str | None, typer.Option("--target", metavar="NAME", help="this webhook alone")]
TEST_PLATE = "TEST123"


@app.callback()
def _group() -> None:
    """The HTTP servers that are told of verdicts."""


@app.command("list")
def list_command(config: ConfigOption = None) -> None:
    """Show the webhooks of the settings, what they are told, and how they are doing."""
    from workers.notify import MQTT  # noqa: PLC0415 (loads the queues)

    loaded = settings.load(config)
    with migrated_database(config) as database, database.transaction() as conn:
        states = notifications.states(conn)
    for name, hook in loaded.webhooks.items():
        _show(name, f"{redact(hook.url)}, {hook.format.value}: {_told(hook)}", states.get(name), _wanting(hook))
    if loaded.mqtt.host:
        _show("MQTT", f"{loaded.mqtt.host}:{loaded.mqtt.port}: {_told(loaded.mqtt)}", states.get(MQTT), "")
    for name, state in states.items():
        if name not in loaded.webhooks and name != MQTT and state.waiting + state.dead:
            _show(name, "", state, "not in the settings")


@app.command("dead")
def dead(
    target: TargetOption = None,
    limit: Annotated[int, typer.Option(min=1, help="the newest so many")] = 100,
    config: ConfigOption = None,
) -> None:
    """Show the deliveries that were given up, newest first, and why. They hold no plate."""
    with migrated_database(config) as database, database.transaction() as conn:
        found = dead_letters.find(conn, target=target, most=limit)
    if not found:
        print("no delivery was given up")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("id", "target", "event", "camera", "verdict", "judged", "attempts", "why"):
        table.add_column(column, overflow="fold")
    for one in found:
        at = f"{one.created_at.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(
            str(one.id), one.target, str(one.event_id), escape(one.camera), one.status, at, str(one.attempts), one.why
        )
    Console().print(table)


@app.command("replay")
def replay(
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="which of those that `dead` shows")] = None,
    target: TargetOption = None,
    is_all: Annotated[bool, typer.Option("--all", help="all that were given up")] = False,
    config: ConfigOption = None,
) -> None:
    """Have deliveries made that were given up, with the same id as before. What was erased since is not told."""
    if (bool(ids) + (target is not None) + is_all) != 1:
        raise typer.BadParameter("say which: their ids, --target NAME or --all")
    with migrated_database(config) as database, database.transaction() as conn:
        count = dead_letters.replay(conn, ids=ids, target=target)
    print(f"{count} {'delivery' if count == 1 else 'deliveries'} to be made again")


@app.command("test")
def send_test(
    target: Annotated[str, typer.Argument(metavar="NAME", help="name of a webhook of the settings")],
    config: ConfigOption = None,
) -> None:
    """Tell a webhook of a passing that never was, at once. Exit status **1** where that fails.

    The plate is TEST123, `is_test` is true, and the filters do not count.
    """
    from workers.notify import send  # noqa: PLC0415 (loads the queues)
    from workers.post import Undelivered  # noqa: PLC0415

    loaded = settings.load(config)
    hook = _known(loaded, target)
    try:
        hook.secret()
        hook.authorization()
    except ValueError as exc:
        raise BadConfig(f"`webhooks.{target}`: {exc}") from None
    began_s = time.monotonic()
    try:
        send(loaded, target, _example(datetime.now(UTC)))
    except Undelivered as exc:
        raise Undelivered(f"{target}: {redact(hook.url)} {exc}", is_away=exc.is_away) from exc
    took_ms = (time.monotonic() - began_s) * 1000
    print(f"{target}: delivered in {took_ms:.0f} ms, {'signed' if hook.secret_env else 'not signed'}")


def _known(loaded: Settings, target: str) -> Webhook:
    if target not in loaded.webhooks:
        known = ", ".join(loaded.webhooks) or "none"
        raise typer.BadParameter(f"{target!r} is no webhook of the settings: {known}", param_hint="NAME")
    return loaded.webhooks[target]


def _example(now: datetime) -> Notice:
    event = PlateEvent(
        id=0,
        session_id=0,
        camera="test",
        plate=TEST_PLATE,
        confidence=0.99,
        candidates=(Candidate(text=TEST_PLATE, confidence=0.99),),
        reads=5,
        agreeing=5,
        first_seen=now,
        last_seen=now,
        toll_country="CZ",
        state="closed",
        revision=1,
    )
    return Notice(
        event=event,
        camera_id=0,
        verdict_id=int(now.timestamp()),
        status=VerdictStatus.SUSPECT,
        reason="a test: no car passed",
        rules_version="test",
        is_provisional=False,
        judged_at=now,
        box=Box(x1=100, y1=100, x2=200, y2=125),
        detection_score=0.9,
        is_test=True,
    )


def _told(wanted: Filters) -> str:
    told = [*(one.value for one in wanted.verdicts)]
    told += [f"camera {one}" for one in wanted.cameras] + [f"list {one}" for one in wanted.watch_lists]
    told += [f"from {wanted.min_confidence:g}"] if wanted.min_confidence else []
    return ", ".join(told) or "everything"


def _wanting(hook: Webhook) -> str:
    try:
        hook.secret()
        hook.authorization()
    except ValueError as exc:
        return str(exc)
    return ""


def _show(name: str, told: str, state: TargetState | None, wrong: str) -> None:
    counts = (state.waiting, state.dead, state.delivered) if state is not None else (0, 0, 0)
    print("{}: {} waiting, {} dead, {} delivered".format(name, *counts))
    for line in (told, wrong, *(_doing(state) if state is not None else ())):
        if line:
            print(f"    {line}")


def _doing(state: TargetState) -> list[str]:
    told: list[str] = []
    if state.rests_until is not None:
        told.append(f"does not answer, asked again {state.rests_until.astimezone():%H:%M:%S}")
    if state.delivered_at is not None:
        told.append(f"last told {state.delivered_at.astimezone():%Y-%m-%d %H:%M}")
    if state.oldest_at is not None:
        told.append(f"oldest waits since {state.oldest_at.astimezone():%Y-%m-%d %H:%M}")
    return told
