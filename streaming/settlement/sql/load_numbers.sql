select
    coalesce((select max(entry_number) from ledger.journal_entries), 0),
    coalesce((select max(id) from ledger.outbox), 0),
    coalesce((select max(id) from ledger.dead_letters), 0)
