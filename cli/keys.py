"""`anpr keys`: who may use the HTTP API, and for what."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from anpr.errors import BadInput
from cli.serve import served
from cli.settings import ConfigOption, DataDirOption
from storage import keys
from storage.db import Database
from storage.keys import Key, Role

LONGEST_NAME = 100

app = typer.Typer(help="Who may use the HTTP API, and for what.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="whose it is: a person, a program, a camera")]


@app.callback()
def _group() -> None:
    """Who may use the HTTP API, and for what."""


@app.command("add")
def add_command(
    name: Name,
    role: Annotated[
        Role,
        typer.Option(
            help="viewer: looks; reviewer: also corrects; admin: also imports lists; camera: only has pictures read"
        ),
    ],
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key and print it, once: only what tells whether it is right is stored."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(f"NAME: must be 1 to {LONGEST_NAME} characters that can be printed")
    with served(config, data_dir) as wanted:
        database = Database(wanted.database_url)
        with database.transaction() as conn:
            key = keys.add(conn, name.strip(), role)
        database.close()
    print(key)
    print(
        f"The key of {name.strip()} ({role.value}); it cannot be shown again. Send it as `Authorization: Bearer KEY`.",
        file=sys.stderr,
    )


@app.command("list")
def list_command(
    output: Annotated[Literal["table", "json"], typer.Option("--format", help="table; json: one a line")] = "table",
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """List the keys, revoked ones last; never what they are."""
    with served(config, data_dir) as wanted:
        database = Database(wanted.database_url)
        with database.transaction() as conn:
            found = keys.keys(conn)
        database.close()
    if output == "json":
        for one in found:
            print(json.dumps(asdict(one), ensure_ascii=False, default=_utc))
    elif found:
        Console().print(_table(found))
    else:
        print("there is no key yet: `anpr keys add NAME --role ROLE`")
    sys.stdout.flush()  # here, where a reader that has gone away (`| head`) ends us quietly


@app.command("revoke")
def revoke_command(name: Name, data_dir: DataDirOption = None, config: ConfigOption = None) -> None:
    """Let a key be good for nothing from now on, and end its logins."""
    with served(config, data_dir) as wanted:
        database = Database(wanted.database_url)
        with database.transaction() as conn:
            keys.revoke(conn, name)
        database.close()
    print(f"the key of {name} is revoked")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _table(found: list[Key]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("id", "name", "role", "made (UTC)", "last used (UTC)", "revoked (UTC)"):
        table.add_column(column, justify="right" if column == "id" else "left")
    for one in found:
        moments = (one.created_at, one.last_used_at, one.revoked_at)
        table.add_row(
            str(one.id),
            one.name,
            one.role,
            *("–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" for at in moments),
        )
    return table
