"""A vignette list in a file: read and checked whole, then read again as it was to be stored."""

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from anpr import vignette_lists
from anpr.config import RegistrySettings
from anpr.errors import BadRegistry
from anpr.vignette_lists import VignetteRow
from storage.vignettes import Origin

PIECE = 1 << 16  # bytes, or characters of JSON, at a time
EVERY_ROWS = 1000  # progress is told: often enough for people, and too seldom to cost anything


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far an import is. Phases come in the order below, `waiting` only where it must; in each the figures grow."""

    phase: Literal["checking", "waiting", "storing", "finishing"]  # waiting: another changes the same registry
    rows: int  # right ones of those checked; or those stored
    total: int | None = None  # rows; None: nobody has counted them yet
    share: float  # of the phase, 0 to 1


Progress = Callable[[Step], None]


def unheard(_: Step) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFile:
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

    def rows(self, progress: Progress, *, only: str) -> Iterator[VignetteRow]:
        """The entries of one toll country, told to `progress` with those of the countries before it.

        Raises BadRegistry at the end where the file is no longer what it was.
        """
        done = sum(count for one, count in self.counts.items() if one < only)
        progress(self.step(done))
        with _HashedFile(self.path) as file:
            for row in _rows(file, self.path, self.form, country=self.country, only=only, changes=self.changes):
                yield row
                done += 1
                if done % EVERY_ROWS == 0:
                    progress(self.step(done))
            if file.sha256.hexdigest() != self.sha256:
                raise BadRegistry(f"{self.path}: changed while it was read")
        progress(self.step(done))

    def step(self, done: int) -> Step:
        """How far it is when so many of its entries were handed to Postgres."""
        total = self.counts.total()
        return Step(
            phase="storing" if done < total else "finishing", rows=done, total=total, share=min(1.0, done / total)
        )


def looked_through(
    path: Path, country: str | None, as_of: datetime | None, terms: Terms, *, progress: Progress, changes: bool
) -> ListFile:
    """The file, checked whole. Raises BadRegistry where it or a line of it is wrong, or it does not meet the terms."""
    stat, now = path.stat(), datetime.now(UTC)
    changed_at, counts = datetime.fromtimestamp(stat.st_mtime, UTC), Counter[str]()
    if as_of is not None and as_of > now:
        raise BadRegistry(f"{path}: as of {minute(as_of)} lies in the future")
    with path.open("rb") as file:
        form = vignette_lists.form_of(file.read(PIECE).decode("utf-8", "replace"))

    def heard(read: int) -> None:
        progress(Step(phase="checking", rows=counts.total(), share=min(1.0, read / max(1, stat.st_size))))

    with _HashedFile(path, heard) as file:
        counts.update(row.toll_country for row in _rows(file, path, form, country=country, only=None, changes=changes))
        sha256 = file.sha256.hexdigest()
    if terms.count is not None and counts.total() != terms.count:
        raise BadRegistry(f"{path}: holds {counts.total()} entries, not {terms.count} as --rows says")
    return ListFile(
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


def minute(moment: datetime) -> str:
    """Such as "2026-05-01 08:00 UTC"."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


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
    """A file that knows the SHA-256 of what was read of it, so that what is stored is what was checked.

    `heard` is told how many bytes were read, before each piece.
    """

    def __init__(self, path: Path, heard: Callable[[int], None] = lambda _: None) -> None:
        self._file = path.open("rb", buffering=0)
        self._heard = heard
        self._read = 0
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._heard(self._read)
        count = self._file.readinto(buffer)
        if count:
            self._read += count
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
