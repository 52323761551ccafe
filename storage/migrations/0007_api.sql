-- Keys of people and programs; the key itself is known to its owner alone.
create table api_keys (
    id bigint generated always as identity primary key,
    name text not null,
    role text not null check (role in ('viewer', 'reviewer', 'admin', 'camera')),
    key_hash bytea not null unique,
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at timestamptz
);
create unique index api_keys_name on api_keys (name) where revoked_at is null;

-- Somebody who logged in with a key and has a cookie; only the cookie's hash is kept.
create table api_sessions (
    token_hash bytea primary key,
    key_id bigint not null references api_keys on delete cascade,
    began_at timestamptz not null default now(),
    ends_at timestamptz not null
);
create index api_sessions_ends on api_sessions (ends_at);

-- Search by plate. All a page needs to be found is in the index; events whose plate was erased, in the long run most,
-- are not.
create index plate_events_search on plate_events (plate text_pattern_ops, first_seen desc, id desc)
    where plate <> '';
create index plate_events_ending
    on plate_events (reverse(plate) text_pattern_ops, first_seen desc, id desc) include (plate) where plate <> '';
-- The planner's statistics would hold copies of plates that no vacuum of the table reaches.
alter index plate_events_ending alter column 1 set statistics 0;
drop index plate_events_plate;
create index corrections_plate on corrections (plate text_pattern_ops) where plate is not null;

-- Pages go on after (first_seen, id).
create index plate_events_newest on plate_events (first_seen desc, id desc);
drop index plate_events_time;
create index plate_events_camera_newest on plate_events (camera_id, first_seen desc, id desc);
drop index plate_events_camera;

-- Who watches live hears of an event's id when what people see of it has changed.
create function anpr_tell_event() returns trigger language plpgsql as $$
begin
    perform pg_notify('anpr_events', new.id::text);
    return null;
end
$$;
create function anpr_tell_verdict() returns trigger language plpgsql as $$
begin
    perform pg_notify('anpr_events', new.event_id::text);
    return null;
end
$$;
-- Events that were merged into another are no more.
create function anpr_tell_gone() returns trigger language plpgsql as $$
begin
    perform pg_notify('anpr_events', (-old.id)::text);
    return null;
end
$$;
create trigger plate_events_gone after delete on plate_events for each row execute function anpr_tell_gone();
create trigger plate_events_told after insert on plate_events for each row execute function anpr_tell_event();
create trigger plate_events_changed after update on plate_events for each row
    when ((old.plate, old.corrected_plate, old.revision, old.state, old.erased_at) is distinct from
          (new.plate, new.corrected_plate, new.revision, new.state, new.erased_at))
    execute function anpr_tell_event();
create trigger verdicts_told after insert on verdicts for each row execute function anpr_tell_verdict();
