copy (
    select trader_id, asset, balance as amount
    from ledger.trader_balances
) to stdout (format csv, header)
