-- Whether a verdict was told, or passed over as no news; null: nobody has looked yet.
alter table verdicts add column announced boolean default false;
alter table verdicts alter column announced drop default;
create index verdicts_unannounced on verdicts (id) where announced is null;

-- What is still to be told, to whom. No payload and no plate: that is made of the event when it is sent.
create table notifications (
    id bigint generated always as identity primary key,
    target text not null,
    event_id bigint not null references plate_events on delete cascade,
    revision integer not null,
    verdict_id bigint not null references verdicts on delete cascade,
    state text not null default 'waiting' check (state in ('waiting', 'dead')),
    attempts integer not null default 0,
    why text not null default '',
    created_at timestamptz not null default now(),
    due_at timestamptz not null default now(),
    unique (target, verdict_id)
);
create index notifications_due on notifications (due_at) where state = 'waiting';
create index notifications_event on notifications (event_id);
create index notifications_verdict on notifications (verdict_id);

-- How those who are told are doing; a target that fails is let rest, so that it does not keep the others waiting.
create table notification_targets (
    target text primary key,
    delivered bigint not null default 0,
    delivered_at timestamptz,
    failures integer not null default 0,
    rests_until timestamptz
);

-- How many passings and verdicts of each status a camera has had since this table is there.
create table verdict_counts (
    camera_id bigint not null references cameras,
    what text not null,
    count bigint not null,
    primary key (camera_id, what)
);

create table watch_entries (
    id bigint generated always as identity primary key,
    list text not null,
    plate text not null,
    tolerance text not null check (tolerance in ('exact', 'look-alike', 'slip', 'two')),
    note text not null default '',
    added_by text not null,
    added_at timestamptz not null default now(),
    until timestamptz,
    unique (list, plate)
);
create index watch_entries_plate on watch_entries (plate);
create index watch_entries_until on watch_entries (until) where until is not null;
-- The planner's statistics would hold copies of plates that no vacuum of this table reaches.
alter table watch_entries alter column plate set statistics 0, alter column note set statistics 0;

-- A link to an entry tells the plate: erased with the event.
create table watch_hits (
    event_id bigint not null references plate_events on delete cascade,
    entry_id bigint not null references watch_entries on delete cascade,
    match text not null check (match in ('exact', 'look-alike', 'slip', 'two')),
    found_at timestamptz not null default now(),
    primary key (event_id, entry_id)
);
create index watch_hits_entry on watch_hits (entry_id);
