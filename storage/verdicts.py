"""Verdicts: added, never changed."""

from anpr.types import Verdict
from storage.db import Conn

_ADD = """
insert into verdicts (event_id, revision, status, reason, readings_tried, vignette_id, snapshot_id, rules_version)
values (%(event)s, %(revision)s, %(status)s, %(reason)s, %(tried)s, %(vignette)s, %(snapshot)s, %(rules)s)
on conflict do nothing
"""


def add(conn: Conn, event_id: int, revision: int, verdict: Verdict) -> bool:
    """Add the verdict on one revision of an event; False where that very judgement is already there."""
    done = conn.execute(
        _ADD,
        {
            "event": event_id,
            "revision": revision,
            "status": verdict.status.value,
            "reason": verdict.reason,
            "tried": list(verdict.readings_tried),
            "vignette": verdict.vignette_id,
            "snapshot": verdict.snapshot_id,
            "rules": verdict.rules_version,
        },
    )
    return done.rowcount == 1
