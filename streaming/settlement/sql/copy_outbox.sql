copy ledger.outbox (
    id, trader_id, sequence, entry_id, trade_id, symbol, cash_change, quantity_change, cash, position, event_time
) from stdin (format binary)
