with

entries as (
    select * from {{ ref('int_ledger_entries') }}
),

trading_days as (
    select * from {{ ref('int_trading_days') }}
),

summary as (
    select * from {{ ref('daily_market_summary') }}
),

changes as (
    select
        trader_id,
        symbol,
        trading_date,
        sum(quantity_change) as quantity_change
    from entries
    where symbol is not null
    group by trader_id, symbol, trading_date
),

holdings as (
    select
        trader_id,
        symbol,
        min(trading_date) as first_trading_date
    from changes
    group by trader_id, symbol
),

held as (
    select
        holdings.trader_id,
        holdings.symbol,
        trading_days.trading_date,
        sum(changes.quantity_change) over (
            partition by holdings.trader_id, holdings.symbol
            order by trading_days.trading_date
            rows between unbounded preceding and current row
        ) as shares
    from holdings
    inner join trading_days
        on holdings.first_trading_date <= trading_days.trading_date
    left join changes
        on
            holdings.trader_id = changes.trader_id
            and holdings.symbol = changes.symbol
            and trading_days.trading_date = changes.trading_date
),

symbols as (
    select distinct symbol from summary
),

-- A symbol that did not open on a day keeps the close that it had.
closes as (
    select
        trading_days.trading_date,
        symbols.symbol,
        last_value(market.close) ignore nulls over (
            partition by symbols.symbol
            order by trading_days.trading_date
            rows between unbounded preceding and current row
        ) as price
    from trading_days
    cross join symbols
    left join summary as market
        on
            trading_days.trading_date = market.trading_date
            and symbols.symbol = market.symbol
),

final as (
    select
        held.trader_id,
        held.symbol,
        held.trading_date,
        held.shares,
        closes.price,
        cast(closes.price * held.shares as decimal(38, 4)) as market_value
    from held
    left join closes
        on
            held.symbol = closes.symbol
            and held.trading_date = closes.trading_date
    where held.shares != 0
)

select * from final
