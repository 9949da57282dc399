select
    id, sequence, trader_id, entry_id, trade_id, symbol, cash_change, quantity_change, cash, position,
    (extract(epoch from event_time) * 1000000)::bigint
from ledger.outbox
where id > %(after)s
order by id
limit %(count)s
