"""Evidence pictures: JPEG crops in a directory, their paths in Postgres."""

import errno
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anpr.errors import BadConfig, StorageFull
from storage.db import Conn
from storage.plate_reads import PlateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A stored crop; `path` is relative to the evidence directory."""

    key: PlateKey
    path: str
    sha256: str


def write(directory: Path, session_id: int, key: PlateKey, jpeg: bytes) -> Picture:
    """Put a crop into the directory; writing it again gives the same file.

    Raises StorageFull where there is no space, BadConfig where the directory may not be written.
    """
    relative = f"{session_id}/{key[0] // 1000:06d}/{key[0]}-{key[1]}.jpg"
    path = directory / relative
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(jpeg)
        part.replace(path)
    except OSError as exc:
        part.unlink(missing_ok=True)
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"no space left for evidence pictures in {directory}") from exc
        raise BadConfig(f"evidence pictures cannot be written to {directory}: {exc.strerror}") from exc
    return Picture(key=key, path=relative, sha256=hashlib.sha256(jpeg).hexdigest())


_ADD = """
insert into evidence (session_id, frame_no, plate_no, path, sha256)
values (%(session)s, %(frame)s, %(plate)s, %(path)s, %(sha256)s)
on conflict do nothing
"""


def add(conn: Conn, session_id: int, picture: Picture) -> None:
    frame_no, plate_no = picture.key
    conn.execute(
        _ADD,
        {
            "session": session_id,
            "frame": frame_no,
            "plate": plate_no,
            "path": picture.path,
            "sha256": picture.sha256,
        },
    )


_UNKNOWN = """
select path from unnest(%(paths)s::text[]) as written (path)
where not exists (select from evidence e where e.session_id = %(session)s and e.path = written.path)
"""


def unknown(conn: Conn, session_id: int, paths: Sequence[str]) -> list[str]:
    """Those of the paths that are no evidence of the session: let go of before the picture was written again."""
    return [row[0] for row in conn.execute(_UNKNOWN, {"session": session_id, "paths": list(paths)})]


_THIN = """
delete from evidence using plate_reads r
where r.event_id = %(event)s and evidence.session_id = r.session_id and evidence.frame_no = r.frame_no
  and evidence.plate_no = r.plate_no
  and (r.frame_no, r.plate_no) not in (select * from unnest(%(frames)s::bigint[], %(plates)s::integer[]))
returning evidence.path
"""


def thin(conn: Conn, event_id: int, keep: Sequence[PlateKey]) -> list[str]:
    """Forget an event's pictures except those of `keep`; returns the paths to `remove` once that is committed."""
    rows = conn.execute(
        _THIN, {"event": event_id, "frames": [key[0] for key in keep], "plates": [key[1] for key in keep]}
    )
    return [row[0] for row in rows]


_DROP = """
delete from evidence
where session_id = %(session)s and (frame_no, plate_no) in (
    select * from unnest(%(frames)s::bigint[], %(plates)s::integer[]))
returning path
"""


def drop(conn: Conn, session_id: int, keys: Sequence[PlateKey]) -> list[str]:
    """Forget the pictures of some reads; returns the paths to `remove` once that is committed."""
    rows = conn.execute(
        _DROP, {"session": session_id, "frames": [key[0] for key in keys], "plates": [key[1] for key in keys]}
    )
    return [row[0] for row in rows]


_STRAYS = """
select path from unnest(%(paths)s::text[]) as found (path)
where not exists (select from evidence e where e.path = found.path)
"""


def strays(conn: Conn, directory: Path, *, before_s: float) -> list[str]:
    """Files of the directory that are no evidence, last written before a moment (s since 1970).

    A worker that was killed between writing a picture and storing that it did so leaves one.
    """
    if not directory.is_dir():
        return []
    found: list[str] = []
    for session in sorted(directory.iterdir()):
        files = [path for path in session.rglob("*") if session.name.isdecimal() and path.is_file()]
        old = [str(path.relative_to(directory)) for path in files if path.stat().st_mtime < before_s]
        found += [row[0] for row in conn.execute(_STRAYS, {"paths": old})]
    return found


def remove(directory: Path, paths: Sequence[str]) -> None:
    for path in paths:
        (directory / path).unlink(missing_ok=True)
