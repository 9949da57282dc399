do $$
begin
    if not exists (select from pg_roles where rolname = 'tickhouse_reader') then
        create role tickhouse_reader login;
    end if;
end
$$;
alter role tickhouse_reader login nosuperuser nocreatedb nocreaterole noreplication;
alter role tickhouse_reader set default_transaction_read_only = on;
