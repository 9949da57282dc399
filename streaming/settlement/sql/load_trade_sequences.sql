-- Walks the unique index from symbol to symbol: ledger.trades has a row a trade, of symbols known and unknown.
with recursive last_trade as (
    (select symbol, sequence from ledger.trades order by symbol, sequence desc limit 1)
    union all
    select next_trade.symbol, next_trade.sequence
    from last_trade
    cross join lateral (
        select trades.symbol, trades.sequence
        from ledger.trades
        where trades.symbol > last_trade.symbol
        order by trades.symbol, trades.sequence desc
        limit 1
    ) as next_trade
)

select symbol, sequence from last_trade
