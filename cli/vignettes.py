"""`anpr vignettes`: the lists of paid vignettes."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from anpr.errors import BadInput
from cli import settings
from cli.options import TIME_HELP, TollCountry, migrated_database, moment
from cli.progress import list_progress
from cli.settings import ConfigOption
from storage import snapshots
from storage.list_files import Terms
from storage.snapshots import SnapshotRow
from storage.vignette_files import import_file, update_file

app = typer.Typer(help="The lists of paid vignettes.", no_args_is_help=True)

ListFile = Annotated[Path, typer.Argument(metavar="FILE", help="the list, UTF-8: CSV with commas or semicolons, JSON")]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        parser=moment,
        metavar="TIME",
        help=f"when the list was true, {TIME_HELP} [default: when the file was last changed]",
    ),
]
RowCount = Annotated[
    int | None, typer.Option("--rows", min=1, metavar="N", help="how many entries it must hold, else it is refused")
]
Signature = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="its Ed25519 signature, which must be right [default: FILE.sig where a key is set]"
    ),
]
AcceptShrink = Annotated[
    bool, typer.Option("--accept-shrink", help="take it even if far fewer vignettes are left than are in force")
]
KeyFile = Annotated[Path, typer.Argument(metavar="KEY", help="file of the private key, PEM without a password")]

_IMPORT = """
Make a list the registry of its toll countries.

The first line names the columns `toll_country,plate,plate_country,kind,valid_from,valid_to`, in any order.
`plate_country` may be left out; `toll_country` too where **--country** says it; `vehicle_category`, `bought_at` and
`source` may be added. Dates hold for the whole day in the toll country, `valid_to` included; times need a zone.
`kind` is free text, `exempt` is an exemption. JSON is an array of objects with these names, or an object a line.

All or nothing: a list with a wrong line, without the signature that its country wants (`registry.public_keys`), or with
far fewer vignettes than are in force changes nothing, and the one before it stays in force. So does a list that was
true at a later time (**--as-of**) than this one.
"""
_UPDATE = """
Change single vignettes of the list in force.

The file has the columns of `import`, and may have `change`: `put` (or nothing) adds a vignette or corrects it,
`withdraw` takes it back. Plate, its country, kind and `valid_from` tell which one is meant.

All or nothing, as with `import`. What was known before is kept.
"""


@app.callback()
def _group() -> None:
    """The lists of paid vignettes."""


def _putting(*, changes: bool) -> Callable[..., None]:
    """The command that puts a file in by one of the two ways there are."""
    put = update_file if changes else import_file

    def command(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
        file: ListFile,
        country: TollCountry = None,
        as_of: AsOf = None,
        count: RowCount = None,
        signature: Signature = None,
        accept_shrink: AcceptShrink = False,
        config: ConfigOption = None,
    ) -> None:
        registry = settings.load(config).registry
        terms = Terms.of(registry, signature=signature, count=count, accept_shrink=accept_shrink)
        with migrated_database(config) as database:
            with list_progress(Console()) as progress:
                told = put(database, file, country, as_of, terms, progress=progress)
            print("\n".join(told))

    return command


app.command("import", help=_IMPORT)(_putting(changes=False))
app.command("update", help=_UPDATE)(_putting(changes=True))


@app.command("list")
def list_command(
    country: TollCountry = None,
    limit: Annotated[int, typer.Option(min=1, help="so many, each country's latest first")] = 100,
    output: Annotated[Literal["table", "json"], typer.Option("--format", help="table; json: one a line")] = "table",
    config: ConfigOption = None,
) -> None:
    """List the snapshots: every import and update, and which is in force.

    A snapshot that is pruned no longer holds the vignettes that no verdict rests on.
    """
    with migrated_database(config) as database, database.transaction() as conn:
        found = snapshots.snapshots(conn, toll_country=country, limit=limit)
    if output == "json":
        for one in found:
            print(json.dumps(asdict(one), ensure_ascii=False, default=_utc))
    elif found:
        Console().print(_table(found, now=datetime.now(UTC)))
    else:
        print("no vignette list was imported yet")
    sys.stdout.flush()  # here, where a reader that has gone away (`| head`) ends us quietly


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _table(found: list[SnapshotRow], *, now: datetime) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("id", "country", "as of (UTC)", "age", "vignettes", "state", "signed by"):
        table.add_column(name, justify="right" if name in ("id", "age", "vignettes") else "left", no_wrap=True)
    table.add_column("from", overflow="fold")
    for one in found:
        table.add_row(
            str(one.id),
            one.toll_country,
            f"{one.as_of.astimezone(UTC):%Y-%m-%d %H:%M}",
            _age((now - one.as_of).total_seconds()),
            str(one.vignettes),
            _state(one),
            f"{one.signed_by[:16]}…" if one.signed_by else "–",
            Text(one.source if one.base_id is None else f"{one.source} (update of {one.base_id})"),
        )
    return table


def _state(one: SnapshotRow) -> Text:
    if one.is_in_force:
        return Text("in force", "bold green")
    return Text("kept" if one.pruned_at is None else "pruned", "dim")


def _age(seconds: float) -> str:
    """Such as "5 min", "7 h" and "12 d", rounded down."""
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


@app.command("keygen")
def keygen_command(key: KeyFile) -> None:
    """Make a key pair to sign lists with: KEY, and KEY.pub for those who check.

    The private key has no password: whoever can read the file can sign.
    """
    from anpr import signatures  # noqa: PLC0415 (loads for half a second)

    made = signatures.new_key()
    public, public_file = made.public_key(), key.with_name(f"{key.name}.pub")
    for file in (key, public_file):
        if file.exists():
            raise BadInput(f"{file}: is there already")
    try:
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(signatures.private_pem(made))
        public_file.write_bytes(signatures.public_pem(public))
    except OSError as exc:
        raise BadInput(f"{exc.filename or key}: cannot be written: {exc.strerror or exc}") from exc
    print(f"private key: {key}\npublic key: {public_file}; in the settings: {signatures.public_text(public)}")
    print(f"fingerprint: {signatures.fingerprint(public)}")


@app.command("sign")
def sign_command(
    key: KeyFile,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="what to sign: the bytes of a list")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="the signature [default: FILE.sig]")] = None,
) -> None:
    """Sign a list, for `import` and `update` where `registry.public_keys` has the public key."""
    from anpr import signatures  # noqa: PLC0415 (loads for half a second)

    try:
        signer = signatures.private_key(_read(key))
    except ValueError as exc:
        raise BadInput(f"{key}: {exc}") from exc
    target = out or file.with_name(f"{file.name}.sig")
    signature = signer.sign(_read(file))
    try:
        target.write_bytes(signature)
    except OSError as exc:
        raise BadInput(f"{target}: cannot be written: {exc.strerror or exc}") from exc
    print(f"signed {file} by {signatures.fingerprint(signer.public_key())}: {target}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise BadInput(f"{file}: {exc.strerror or exc}") from exc
