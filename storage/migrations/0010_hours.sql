-- Events counted by hour, so that weeks are told without looking at each event; no plate stands here.
create table hour_verdicts (
    hour timestamptz not null,
    camera_id bigint not null references cameras,
    verdict text not null,  -- '': not judged yet
    events integer not null,
    primary key (hour, camera_id, verdict)
);
create table hour_confidences (
    hour timestamptz not null,
    camera_id bigint not null references cameras,
    bin integer not null,  -- of 20 equal steps of 0 to 1
    events integer not null,
    primary key (hour, camera_id, bin)
);
-- From a car's last sight to its first verdict, of live cameras; camera_id is null for all of them together.
create table hour_latencies (
    hour timestamptz not null,
    camera_id bigint references cameras,
    events integer not null,
    median_s double precision not null,
    p95_s double precision not null,
    unique nulls not distinct (hour, camera_id)
);

-- Hours whose events changed since they were counted. Only ever added to by those who change events, so that they never
-- wait for one another.
create table hours_changed (
    hour timestamptz not null,
    changed_at timestamptz not null default now()
);
insert into hours_changed (hour) select distinct date_trunc('hour', first_seen, 'UTC') from plate_events;

create function anpr_event_changes_hour() returns trigger language plpgsql as $$
begin
    insert into hours_changed (hour)
    select distinct date_trunc('hour', at, 'UTC') from unnest(array[old.first_seen, new.first_seen]) as at
    where at is not null;
    return null;
end
$$;
create function anpr_verdict_changes_hour() returns trigger language plpgsql as $$
begin
    insert into hours_changed (hour)
    select date_trunc('hour', first_seen, 'UTC') from plate_events where id = new.event_id;
    return null;
end
$$;
create trigger plate_events_hour after insert or delete on plate_events for each row
    execute function anpr_event_changes_hour();
create trigger plate_events_hour_changed after update on plate_events for each row
    when ((old.first_seen, old.revision) is distinct from (new.first_seen, new.revision))
    execute function anpr_event_changes_hour();
create trigger verdicts_hour after insert or update of event_id on verdicts for each row
    execute function anpr_verdict_changes_hour();
