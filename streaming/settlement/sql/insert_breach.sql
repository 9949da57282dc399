insert into ledger.breaches (entry_id, reason, trader_id, detail, event_time)
values (%s, %s, %s, %s, timestamptz 'epoch' + %s * interval '1 microsecond')
on conflict do nothing
