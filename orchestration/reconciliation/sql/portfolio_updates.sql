copy (
    select
        sequence, trader_id, entry_id, trade_id, symbol, cash_change, quantity_change, cash, position,
        (extract(epoch from event_time) * 1000000)::bigint as event_time
    from ledger.outbox
) to stdout (format csv, header)
