alter table vignettes
    add column vehicle_category text not null default '',
    add column bought_at timestamptz,
    add column source text not null default '';

-- A verdict given while a period of grace runs is judged again then, perhaps on the same list, with another outcome.
alter table verdicts add column judge_again_at timestamptz;
create index verdicts_judge_again on verdicts (judge_again_at) where judge_again_at is not null;
alter table verdicts drop constraint verdicts_event_id_revision_snapshot_id_rules_version_key;
alter table verdicts add unique nulls not distinct (event_id, revision, snapshot_id, rules_version, status);
