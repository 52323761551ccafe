"""Files of vignettes → snapshots: read, checked against what is demanded of them, and stored, all or nothing."""

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from anpr import vignette_lists
from anpr.config import RegistrySettings
from anpr.errors import BadRegistry
from anpr.vignette_lists import VignetteRow
from storage import vignettes
from storage.db import Conn, Database
from storage.vignettes import Origin

PIECE = 1 << 16  # bytes, or characters of JSON, at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is demanded of a list besides that it is right."""

    public_keys: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])  # by toll country
    max_shrink: float = 1.0  # share of the vignettes in force that may be missing in what follows
    signature: Path | None = None  # its file, where it is not the list's own name with .sig
    count: int | None = None  # entries
    source: str | None = None  # what is noted as the list's source, where that is not its path

    @classmethod
    def of(
        cls,
        registry: RegistrySettings,
        *,
        signature: Path | None = None,
        count: int | None = None,
        source: str | None = None,
        accept_shrink: bool = False,
    ) -> Self:
        """Those of the settings."""
        return cls(
            public_keys=registry.public_keys,
            max_shrink=1.0 if accept_shrink else registry.max_shrink,
            signature=signature,
            count=count,
            source=source,
        )


def import_file(database: Database, path: Path, country: str | None, as_of: datetime | None, terms: Terms) -> list[str]:
    """Make a file the registry of its toll countries; returns a line on each for people to read.

    `country` fills a missing column or field toll_country; `as_of` is by default the file's time of change. Raises
    BadRegistry where the file or a line of it is wrong, or it does not meet the terms; then nothing is changed.
    """
    return _put(database, path, country, as_of, terms, changes=False)


def update_file(database: Database, path: Path, country: str | None, as_of: datetime | None, terms: Terms) -> list[str]:
    """Put the changes that a file holds on top of the lists in force; arguments, lines and errors of `import_file`."""
    return _put(database, path, country, as_of, terms, changes=True)


def _put(
    database: Database, path: Path, country: str | None, as_of: datetime | None, terms: Terms, *, changes: bool
) -> list[str]:
    told: list[str] = []
    try:
        file = _looked_through(path, country, as_of, terms, changes=changes)
        with database.transaction() as conn:
            for one in file.counts:
                vignettes.lock(conn, one)
                before = vignettes.size_in_force(conn, one)
                told.append(_update(conn, file, one) if changes else _import(conn, file, one))
                _refuse_shrunk(path, one, before, vignettes.size_in_force(conn, one), terms)
            for one in file.counts:
                vignettes.publish(conn, one)
    except OSError as exc:
        raise BadRegistry(f"{path}: {exc.strerror or exc}") from exc
    return told


def _import(conn: Conn, file: "_ListFile", country: str) -> str:
    snapshot_id = vignettes.import_snapshot(conn, country, file.rows(only=country), file.origin(country))
    count = file.counts[country]
    what = f"imported {count} vignette{'s' if count > 1 else ''} for {country} as of {_minute(file.as_of)}"
    return f"{what} from {file.source}{_signed(file, country)}{_later(conn, country, snapshot_id)}"


def _update(conn: Conn, file: "_ListFile", country: str) -> str:
    done = vignettes.update_snapshot(conn, country, file.rows(only=country), file.origin(country))
    what = f"updated {country}: {done.brought} added or changed, {done.gone} withdrawn or replaced"
    return f"{what}, as of {_minute(file.as_of)} from {file.source}{_signed(file, country)}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _signed(file: "_ListFile", country: str) -> str:
    return f", signed by {file.signed_by[country][:16]}…" if country in file.signed_by else ""


def _later(conn: Conn, country: str, snapshot_id: int) -> str:
    """What to say of a snapshot that did not come into force."""
    now = vignettes.in_force(conn, country)
    if now is None or now.id == snapshot_id:
        return ""
    return f"; NOT in force: the list as of {_minute(now.as_of)} is newer and stays"


def _refuse_shrunk(path: Path, country: str, before: int, now: int, terms: Terms) -> None:
    if now < before * (1 - terms.max_shrink):
        raise BadRegistry(
            f"{path}: leaves {now} vignettes for {country} where {before} are in force, {1 - now / before:.0%} fewer;"
            f" more than {terms.max_shrink:.0%} looks like a list that was cut off: if it is whole, say"
            " `anpr vignettes import --accept-shrink`"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListFile:
    """A file all of whose entries were checked once."""

    path: Path
    source: str
    form: vignette_lists.Form
    country: str | None
    changes: bool
    sha256: str
    as_of: datetime
    counts: Counter[str]  # entries by toll country, in order
    signed_by: Mapping[str, str]  # fingerprint by toll country

    def origin(self, country: str) -> Origin:
        return Origin(source=self.source, sha256=self.sha256, as_of=self.as_of, signed_by=self.signed_by.get(country))

    def rows(self, *, only: str) -> Iterator[VignetteRow]:
        """The entries of one toll country. Raises BadRegistry at the end where the file is no longer what it was."""
        with _HashedFile(self.path) as file:
            yield from _rows(file, self.path, self.form, country=self.country, only=only, changes=self.changes)
            if file.sha256.hexdigest() != self.sha256:
                raise BadRegistry(f"{self.path}: changed while it was read")


def _looked_through(
    path: Path, country: str | None, as_of: datetime | None, terms: Terms, *, changes: bool
) -> _ListFile:
    changed_at, now = datetime.fromtimestamp(path.stat().st_mtime, UTC), datetime.now(UTC)
    if as_of is not None and as_of > now:
        raise BadRegistry(f"{path}: as of {_minute(as_of)} lies in the future")
    with path.open("rb") as file:
        form = vignette_lists.form_of(file.read(PIECE).decode("utf-8", "replace"))
    with _HashedFile(path) as file:
        counts = Counter(
            row.toll_country for row in _rows(file, path, form, country=country, only=None, changes=changes)
        )
        sha256 = file.sha256.hexdigest()
    if terms.count is not None and counts.total() != terms.count:
        raise BadRegistry(f"{path}: holds {counts.total()} entries, not {terms.count} as --rows says")
    return _ListFile(
        path=path,
        source=terms.source or str(path),
        form=form,
        country=country,
        changes=changes,
        sha256=sha256,
        as_of=min(as_of or changed_at, now),  # a clock ahead of ours must not make a list fresh for longer
        counts=Counter(dict(sorted(counts.items()))),
        signed_by=_signers(path, sha256, sorted(counts), terms),
    )


def _signers(path: Path, sha256: str, countries: Sequence[str], terms: Terms) -> dict[str, str]:
    """Whose signature the file has, by toll country: of those with keys, or of all where the terms name a signature."""
    wanted = [one for one in countries if terms.public_keys.get(one) or terms.signature is not None]
    if not wanted:
        return {}
    from anpr import signatures  # noqa: PLC0415 (loads for half a second)

    signature = _signature(path, wanted[0], terms)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BadRegistry(f"{path}: changed while it was read")
    found: dict[str, str] = {}
    for one in wanted:
        keys = [signatures.public_key(text) for text in terms.public_keys.get(one, ())]
        if not keys:
            raise BadRegistry(f"{path}: no key to check its signature for {one} with: set registry.public_keys.{one}")
        signer = signatures.signer(keys, signature, content)
        if signer is None:
            names = " or ".join(f"{signatures.fingerprint(key)[:16]}…" for key in keys)
            raise BadRegistry(f"{path}: its signature is not one of this file by the key for {one}, {names}")
        found[one] = signer
    return found


def _signature(path: Path, country: str, terms: Terms) -> bytes:
    from anpr import signatures  # noqa: PLC0415 (loads for half a second)

    file = terms.signature or path.with_name(f"{path.name}.sig")
    try:
        with file.open("rb") as opened:
            return signatures.signature_in(opened.read(signatures.LONGEST))
    except FileNotFoundError:
        if terms.signature is not None:
            raise BadRegistry(f"{file}: No such file or directory") from None
        raise BadRegistry(
            f"{path}: is not signed: there is no {file}, and lists for {country} need one (registry.public_keys)"
        ) from None
    except OSError as exc:
        raise BadRegistry(f"{file}: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise BadRegistry(f"{file}: {exc}") from exc


class _HashedFile(io.RawIOBase):
    """A file that knows the SHA-256 of what was read of it, so that what is stored is what was checked."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._file.readinto(buffer)
        if count:
            self.sha256.update(buffer[:count])
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _rows(
    file: _HashedFile,
    path: Path,
    form: vignette_lists.Form,
    *,
    country: str | None,
    only: str | None,
    changes: bool,
) -> Iterator[VignetteRow]:
    text = io.TextIOWrapper(io.BufferedReader(file, PIECE), encoding="utf-8", newline="")
    pieces = iter(lambda: text.read(PIECE), "") if form == "json" else text
    return vignette_lists.rows(pieces, where=str(path), country=country, only=only, form=form, changes=changes)
