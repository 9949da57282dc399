select
    coalesce((select last_id from ledger.relayed where topic = %(topic)s), 0),
    coalesce((select max(id) from ledger.outbox), 0),
    coalesce((select max(id) from ledger.dead_letters), 0)
