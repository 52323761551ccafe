-- Which countries a plate may be of: by the look of a single read, and by all reads with the text of an event.
alter table plate_reads
    add column regions jsonb not null default '[]',
    -- It came when the verdict on its event had stood for long: it is kept, and votes no more.
    add column is_late boolean not null default false;
alter table plate_events
    add column regions jsonb not null default '[]',
    add column closed_at timestamptz,
    add column corrected_plate text;
update plate_events set closed_at = now() where state = 'closed';
create index plate_events_corrected on plate_events (corrected_plate text_pattern_ops) where corrected_plate is not null;
alter table plate_events alter column corrected_plate set statistics 0;

-- What people say a plate is; only ever added, the newest of an event counts. plate is null where one was withdrawn.
create table corrections (
    id bigint generated always as identity primary key,
    event_id bigint not null references plate_events,
    plate text,
    who text not null,
    reason text not null,
    corrected_at timestamptz not null default now()
);
create index corrections_event on corrections (event_id, id desc);
alter table corrections alter column plate set statistics 0, alter column reason set statistics 0;
