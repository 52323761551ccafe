create table cameras (
    id bigint generated always as identity primary key,
    name text not null unique,
    toll_country text not null,
    created_at timestamptz not null default now()
);

-- One start of one camera's ingest. Frames [0, counted) are folded into the outcome columns; the others are rows of `frames`.
create table sessions (
    id bigint generated always as identity primary key,
    camera_id bigint not null references cameras,
    source text not null,
    source_key text not null,
    is_live boolean not null,
    expected_frames bigint,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    ended_at timestamptz,
    complete boolean not null default false,
    settled_at timestamptz,
    offered bigint not null default 0,
    sampled_out bigint not null default 0,
    shed_early bigint not null default 0,
    sampled bigint not null default 0,
    corrupt bigint not null default 0,
    reconnects bigint not null default 0,
    counted bigint not null default 0,
    watermark timestamptz,
    no_plate bigint not null default 0,
    read bigint not null default 0,
    shed bigint not null default 0,
    expired bigint not null default 0,
    failed bigint not null default 0
);
create index sessions_camera on sessions (camera_id, started_at desc);
create index sessions_unsettled on sessions (id) where settled_at is null;

-- The ledger: where a sampled frame ended. The first outcome written stays, but `shed` is the truth over `expired`.
create table frames (
    session_id bigint not null references sessions,
    frame_no bigint not null,
    captured_at timestamptz,
    outcome text not null check (outcome in ('no_plate', 'read', 'shed', 'expired', 'failed')),
    primary key (session_id, frame_no)
);

create table plate_events (
    id bigint generated always as identity primary key,
    session_id bigint not null references sessions,
    camera_id bigint not null references cameras,
    toll_country text not null,
    plate text not null,
    confidence real not null,
    candidates jsonb not null,
    reads integer not null,
    agreeing integer not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    best_frame_no bigint not null,
    best_plate_no integer not null,
    state text not null default 'open' check (state in ('open', 'closed')),
    revision integer not null default 1
);
create index plate_events_plate on plate_events (plate text_pattern_ops, first_seen desc);
create index plate_events_time on plate_events (first_seen desc);
create index plate_events_camera on plate_events (camera_id, first_seen desc);
create index plate_events_session on plate_events (session_id, state);

-- A detected plate; outcome is null until a reader has seen it.
create table plate_reads (
    session_id bigint not null references sessions,
    frame_no bigint not null,
    plate_no integer not null,
    captured_at timestamptz not null,
    x1 real not null,
    y1 real not null,
    x2 real not null,
    y2 real not null,
    detection_score real not null,
    outcome text check (outcome in ('read', 'too_small', 'unreadable', 'expired', 'failed')),
    text text not null default '',
    confidence real not null default 0,
    candidates jsonb not null default '[]',
    read_at timestamptz,
    event_id bigint references plate_events,
    primary key (session_id, frame_no, plate_no)
);
create index plate_reads_pending on plate_reads (session_id, frame_no) where outcome is null;
create index plate_reads_ungrouped on plate_reads (session_id) where outcome = 'read' and event_id is null;
create index plate_reads_time on plate_reads (session_id, captured_at) where outcome = 'read';
create index plate_reads_event on plate_reads (event_id);
create index plate_reads_text on plate_reads (text text_pattern_ops);

create table evidence (
    session_id bigint not null,
    frame_no bigint not null,
    plate_no integer not null,
    path text not null,
    sha256 text not null,
    stored_at timestamptz not null default now(),
    primary key (session_id, frame_no, plate_no),
    foreign key (session_id, frame_no, plate_no) references plate_reads
);

-- One import of a vignette list; the newest of a toll country is in force.
create table registry_snapshots (
    id bigint generated always as identity primary key,
    toll_country text not null,
    source text not null,
    sha256 text not null,
    vignettes bigint not null,
    as_of timestamptz not null,
    imported_at timestamptz not null default now()
);
create index registry_snapshots_country on registry_snapshots (toll_country, id desc);

create table vignettes (
    id bigint generated always as identity primary key,
    snapshot_id bigint not null references registry_snapshots,
    toll_country text not null,
    plate text not null,
    plate_country text not null,
    kind text not null,
    valid_from timestamptz not null,
    valid_to timestamptz not null,
    check (valid_from < valid_to)
);
create index vignettes_plate on vignettes (snapshot_id, plate);

-- Verdicts are only ever added; the newest of an event is the one in force.
create table verdicts (
    id bigint generated always as identity primary key,
    event_id bigint not null references plate_events,
    revision integer not null,
    status text not null,
    reason text not null,
    readings_tried text[] not null,
    vignette_id bigint references vignettes,
    snapshot_id bigint references registry_snapshots,
    rules_version text not null,
    judged_at timestamptz not null default now(),
    unique nulls not distinct (event_id, revision, snapshot_id, rules_version)
);
create index verdicts_status on verdicts (status, judged_at desc);
