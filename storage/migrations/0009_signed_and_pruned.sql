alter table registry_snapshots
    add column signed_by text,  -- fingerprint of the key whose signature was checked
    -- From then on only the vignettes of plates that kept verdicts name are sure to be there still.
    add column pruned_at timestamptz,
    add column thinned_at timestamptz;  -- of an import: when its rows were last looked through for some to remove
create index registry_snapshots_base on registry_snapshots (base_id) where base_id is not null;

-- What is removed: rows that an update replaced, unless a verdict needs them.
create index vignettes_replaced on vignettes (snapshot_id, until_id) where until_id is not null;
create index verdicts_snapshot on verdicts (snapshot_id) where readings_tried <> '{}';
create index verdicts_vignette on verdicts (vignette_id) where vignette_id is not null;
