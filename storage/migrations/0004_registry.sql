-- An update is a snapshot on top of another: `base_id` is the import at the bottom, whose rows `vignettes.snapshot_id` names.
alter table registry_snapshots
    add column base_id bigint references registry_snapshots,
    -- Events up to this one were looked at for what this list changes; rejudged_at: all of them were.
    add column rejudged_to bigint not null default 0,
    add column rejudged_at timestamptz;
update registry_snapshots set rejudged_at = imported_at;
create index registry_snapshots_as_of on registry_snapshots (toll_country, as_of desc, id desc);
drop index registry_snapshots_country;
create index registry_snapshots_rejudging on registry_snapshots (id) where rejudged_at is null;

-- The updates that brought and withdrew a row; null: the base has it, nothing has withdrawn it.
alter table vignettes
    add column since_id bigint references registry_snapshots,
    add column until_id bigint references registry_snapshots;
