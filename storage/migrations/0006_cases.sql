-- An accusation of one car for one liability period [period_from, period_to); the plate is '' once it is erased.
create table cases (
    id bigint generated always as identity primary key,
    toll_country text not null,
    plate text not null,
    period_from timestamptz not null,
    period_to timestamptz not null,
    state text not null default 'pending'
        check (state in ('pending', 'in_review', 'disputed', 'confirmed', 'overturned', 'unclear', 'withdrawn')),
    -- Grows when its passings change under people's eyes: answers to what it was before count no more.
    round integer not null default 1,
    opened_at timestamptz not null default now(),
    decided_at timestamptz,
    claimed_by text,
    claimed_until timestamptz,
    erased_at timestamptz
);
create unique index cases_car on cases (toll_country, plate, period_from) where erased_at is null;
create index cases_open on cases (id) where state in ('pending', 'in_review', 'disputed') and erased_at is null;
create index cases_kept on cases (state, decided_at) where erased_at is null;

-- A passing that was judged SUSPECT, and what became of it; no plate stands here. One row a passing, so it is in one
-- case at most. event_id is null where it became part of another event.
create table suspicions (
    id bigint generated always as identity primary key,
    event_id bigint unique references plate_events on delete set null,
    camera_id bigint not null references cameras,
    case_id bigint references cases,
    state text not null default 'waiting' check (state in ('waiting', 'in_case', 'left_out', 'withdrawn')),
    why text not null default '',
    since timestamptz not null default now(),
    rechecked_at timestamptz,
    look_at timestamptz,
    check ((state in ('in_case', 'left_out')) = (case_id is not null))
);
create index suspicions_look on suspicions (look_at) where look_at is not null;
create index suspicions_merged on suspicions (id) where event_id is null and state in ('waiting', 'in_case');
create index suspicions_waiting on suspicions (id) where state = 'waiting';
create index suspicions_case on suspicions (case_id) where case_id is not null;
insert into suspicions (event_id, camera_id, since, look_at)
select e.id, e.camera_id, v.judged_at, 'epoch'
from plate_events e
cross join lateral (select status, judged_at from verdicts where event_id = e.id order by id desc limit 1) v
where e.erased_at is null and v.status = 'SUSPECT';

-- What people answered; only ever added. The plate is what that person read off the pictures; both texts are '' once
-- the case is erased.
create table reviews (
    id bigint generated always as identity primary key,
    case_id bigint not null references cases,
    round integer not null,
    reviewer text not null,
    answer text not null check (answer in ('confirm', 'overturn', 'unreadable')),
    plate text not null,
    reason text not null,
    answered_at timestamptz not null default now(),
    unique (case_id, round, reviewer)
);

-- The history of a case, without plates.
create table case_changes (
    id bigint generated always as identity primary key,
    case_id bigint not null references cases,
    changed_at timestamptz not null default now(),
    what text not null,
    event_id bigint,
    who text not null default '',
    why text not null default ''
);
create index case_changes_case on case_changes (case_id, id);

-- The planner's statistics would hold copies of plates that no vacuum of these tables reaches.
alter table cases alter column plate set statistics 0;
alter table reviews alter column plate set statistics 0, alter column reason set statistics 0;

-- What is judged once more as it had been judged before, with another verdict in between, is a verdict of its own.
create index verdicts_event on verdicts (event_id, id desc);
alter table verdicts drop constraint verdicts_event_id_revision_snapshot_id_rules_version_status_key;
