insert into ledger.relayed as kept (topic, last_id)
values (%(topic)s, %(last_id)s)
on conflict (topic) do update set last_id = greatest(kept.last_id, excluded.last_id)
