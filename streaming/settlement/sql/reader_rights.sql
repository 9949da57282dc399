-- Run by the owner in each database that people and tools may read.
do $$
declare
    name text;
begin
    for name in
        select nspname from pg_namespace where nspname in ('public', 'reference', 'ledger', 'reconciliation')
    loop
        execute format('grant usage on schema %I to tickhouse_reader', name);
        execute format('grant select on all tables in schema %I to tickhouse_reader', name);
        execute format('alter default privileges in schema %I grant select on tables to tickhouse_reader', name);
    end loop;
end
$$
