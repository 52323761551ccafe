"""Which judged events a new snapshot may change: they are marked to be judged again, a batch at a time."""

from storage.db import Conn, returned

_PENDING = """
select s.id, s.toll_country, s.rejudged_to, s.id = (
    select id from registry_snapshots where toll_country = s.toll_country order by as_of desc, id desc limit 1)
from registry_snapshots s where s.rejudged_at is null order by s.id limit 1
"""
_DONE = "update registry_snapshots set rejudged_at = now() where id = %(id)s"
_GO_ON = "update registry_snapshots set rejudged_to = %(to)s where id = %(id)s"

# `offset 0` keeps the planner from reading whole lists to look up a few plates.
_MARK = """
with batch as materialized (
    select id from plate_events
    where id > %(after)s and erased_at is null and toll_country = %(country)s
    order by id limit %(most)s
), judged as materialized (
    select b.id as event_id, v.id, v.status, v.snapshot_id, v.judge_again_at, v.readings_tried
    from batch b
    cross join lateral (
        select id, status, snapshot_id, judge_again_at, readings_tried
        from verdicts where event_id = b.id order by id desc limit 1) v
    where v.snapshot_id is distinct from %(snapshot)s
), facts as (
    select j.event_id, n.id as snapshot_id, x.*
    from judged j
    cross join unnest(j.readings_tried) as r (plate)
    cross join lateral (values (j.snapshot_id), (%(snapshot)s)) as n (id)
    cross join lateral (
        select v.plate, v.plate_country, v.kind, v.valid_from, v.valid_to, v.vehicle_category, v.bought_at, v.source
        from registry_snapshots s
        join vignettes v on v.snapshot_id = coalesce(s.base_id, s.id)
        where s.id = n.id and v.plate = r.plate
          and (v.since_id is null or v.since_id <= s.id) and (v.until_id is null or v.until_id > s.id)
        offset 0) x
    where j.snapshot_id is not null and j.status in ('VALID', 'EXEMPT', 'GRACE', 'AMBIGUOUS', 'SUSPECT')
), changed as (
    select event_id from facts
    group by event_id, plate, plate_country, kind, valid_from, valid_to, vehicle_category, bought_at, source
    having count(distinct snapshot_id) = 1
), marked as (
    update verdicts set judge_again_at = now()
    from judged j
    where verdicts.id = j.id
      and (j.status = 'REGISTRY_UNKNOWN' or j.judge_again_at is not null
        or j.event_id in (select event_id from changed))
)
select count(*), max(id) from batch
"""


def mark(conn: Conn, *, most: int) -> bool:
    """Look at the next `most` events for what the oldest new snapshot changes; whether there was one to look for.

    Marked are those of its country that wait for the registry, whose verdict is provisional, or of whose readings it
    says something else than the snapshot they were judged on. Erased ones are left alone. A snapshot that is not in
    force, or no longer, changes nothing.
    """
    pending = conn.execute(_PENDING).fetchone()
    if pending is None:
        return False
    snapshot_id, country, after, is_in_force = pending
    count = 0
    if is_in_force:
        values = {"after": after, "country": country, "snapshot": snapshot_id, "most": most}
        count, last = returned(conn.execute(_MARK, values).fetchone())
        if count:
            conn.execute(_GO_ON, {"to": last, "id": snapshot_id})
    if count < most:
        conn.execute(_DONE, {"id": snapshot_id})
    return True
