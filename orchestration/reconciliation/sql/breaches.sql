select entry_id, reason, trader_id, detail from ledger.breaches order by event_time, entry_id
