select coalesce((select last_id from ledger.relayed where topic = %(topic)s), 0)
