"""Verdicts: added, never changed, except that `judge_again_at` is cleared when that has been done."""

from anpr.types import Verdict, VerdictStatus
from storage import suspicions
from storage.db import Conn

_ONE_AT_A_TIME = "select pg_advisory_xact_lock(%(space)s, hashint8(%(event)s))"
_SPACE = 0x76726474  # "vrdt"
_ADD = """
with same as (
    update verdicts set judge_again_at = %(again)s
    where id = (select id from verdicts where event_id = %(event)s order by id desc limit 1)
      and revision = %(revision)s and status = %(status)s and rules_version = %(rules)s
      and snapshot_id is not distinct from %(snapshot)s
    returning id)
insert into verdicts (event_id, revision, status, reason, readings_tried, vignette_id, snapshot_id, rules_version,
    judge_again_at)
select %(event)s, %(revision)s, %(status)s, %(reason)s, %(tried)s, %(vignette)s, %(snapshot)s, %(rules)s, %(again)s
where not exists (select from same)
returning id
"""
_JUDGED_AGAIN = "update verdicts set judge_again_at = null where event_id = %(event)s and judge_again_at <= now()"


def add(conn: Conn, event_id: int, revision: int, verdict: Verdict) -> bool:
    """Add the verdict on one revision of an event; False where that very judgement is already in force.

    Then that takes its `judge_again_at`, which is cleared where its time has come.
    """
    suspicions.judged(conn, event_id, verdict.status)
    conn.execute(_ONE_AT_A_TIME, {"space": _SPACE, "event": event_id})
    added = conn.execute(
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
            "again": verdict.judge_again_at,
        },
    ).fetchone()
    conn.execute(_JUDGED_AGAIN, {"event": event_id})
    return added is not None


_IN_FORCE = """
select status, reason, readings_tried, vignette_id, snapshot_id, rules_version, judge_again_at from verdicts
where event_id = %(event)s order by id desc limit 1
"""


def in_force(conn: Conn, event_id: int) -> Verdict | None:
    """The newest verdict on an event, if it has been judged."""
    row = conn.execute(_IN_FORCE, {"event": event_id}).fetchone()
    if row is None:
        return None
    return Verdict(
        status=VerdictStatus(row[0]),
        reason=row[1],
        readings_tried=tuple(row[2]),
        vignette_id=row[3],
        snapshot_id=row[4],
        rules_version=row[5],
        judge_again_at=row[6],
    )
