create schema reconciliation;
comment on schema reconciliation is 'What each reconciliation compared and found';

create table reconciliation.runs (
    run_id bigint generated always as identity primary key,
    ended_at timestamptz not null default now(),
    origin text not null check (origin in ('command', 'dagster')),
    passed boolean not null,
    seconds numeric(12, 3) not null check (seconds >= 0),
    cut jsonb not null
);
comment on table reconciliation.runs is 'One row each time that the stores were compared';
comment on column reconciliation.runs.ended_at is 'Wall-clock time of the end';
comment on column reconciliation.runs.origin is 'command: tickhouse reconcile; dagster: the asset checks';
comment on column reconciliation.runs.cut is 'The last sequence compared of each symbol';

create table reconciliation.checks (
    run_id bigint not null references reconciliation.runs on delete cascade,
    check_name text not null,
    passed boolean not null,
    kafka text,
    iceberg text,
    postgres text,
    differences bigint not null check (differences >= 0),
    primary key (run_id, check_name),
    check (passed = (differences = 0))
);
comment on table reconciliation.checks is
'One row each check of a run; the stores'' columns say what each held, null where it was not asked';

create table reconciliation.differences (
    run_id bigint not null,
    check_name text not null,
    number integer not null check (number > 0),
    stores text[] not null,
    detail text not null,
    primary key (run_id, check_name, number),
    foreign key (run_id, check_name) references reconciliation.checks on delete cascade
);
comment on table reconciliation.differences is 'The differences of a check, row by row: the first thousand';
comment on column reconciliation.differences.stores is
'Which of kafka, iceberg and postgres it is between; one alone where a store contradicts itself';
comment on column reconciliation.differences.detail is 'The row, and who has it';
