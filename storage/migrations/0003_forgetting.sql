-- What a passing left is erased when its time has come; the event itself stays, so that counts stay true.
alter table plate_events
    add column erased_at timestamptz,
    add column pseudonym text;
create index plate_events_kept on plate_events (id) where erased_at is null;
create index plate_events_pseudonym on plate_events (pseudonym) where pseudonym is not null;
create index plate_reads_stray on plate_reads (read_at) where event_id is null and text <> '';

-- The planner's statistics would hold copies of plates that no vacuum of these tables reaches.
alter table plate_events alter column plate set statistics 0, alter column candidates set statistics 0;
alter table plate_reads alter column text set statistics 0, alter column candidates set statistics 0;
alter table verdicts alter column reason set statistics 0, alter column readings_tried set statistics 0;

-- The deletion ledger: no plate, no time of passing. event_id is null for looks that became part of no event.
create table erasures (
    id bigint generated always as identity primary key,
    event_id bigint,
    camera text not null,
    outcome text not null,
    rule text not null,
    act text not null check (act in ('erased', 'pseudonymised', 'pseudonym erased')),
    reads integer not null default 0,
    pictures integer not null default 0,
    erased_at timestamptz not null default now()
);
create index erasures_event on erasures (event_id);

-- Who looked a plate up: `plate` in the clear for a while only where there is no key for a pseudonym.
create table plate_searches (
    id bigint generated always as identity primary key,
    searched_at timestamptz not null default now(),
    who text not null,
    command text not null,
    plate text,
    pseudonym text,
    reason text not null
);
alter table plate_searches alter column plate set statistics 0;
create index plate_searches_plain on plate_searches (searched_at) where plate is not null;
