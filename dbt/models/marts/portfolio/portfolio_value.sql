with

entries as (
    select * from {{ ref('int_ledger_entries') }}
),

trading_days as (
    select * from {{ ref('int_trading_days') }}
),

positions as (
    select * from {{ ref('positions') }}
),

changes as (
    select
        trader_id,
        trading_date,
        sum(cash_change) as cash_change
    from entries
    group by trader_id, trading_date
),

traders as (
    select
        trader_id,
        min(trading_date) as first_trading_date
    from changes
    group by trader_id
),

balances as (
    select
        traders.trader_id,
        trading_days.trading_date,
        sum(changes.cash_change) over (
            partition by traders.trader_id
            order by trading_days.trading_date
            rows between unbounded preceding and current row
        ) as cash
    from traders
    inner join trading_days
        on traders.first_trading_date <= trading_days.trading_date
    left join changes
        on
            traders.trader_id = changes.trader_id
            and trading_days.trading_date = changes.trading_date
),

holdings as (
    select
        trader_id,
        trading_date,
        sum(market_value) as holdings_value
    from positions
    group by trader_id, trading_date
),

final as (
    select
        balances.trader_id,
        balances.trading_date,
        cast(balances.cash as decimal(38, 4)) as cash,
        cast(coalesce(holdings.holdings_value, 0) as decimal(38, 4)) as holdings_value,
        cast(balances.cash + coalesce(holdings.holdings_value, 0) as decimal(38, 4)) as total_value
    from balances
    left join holdings
        on
            balances.trader_id = holdings.trader_id
            and balances.trading_date = holdings.trading_date
)

select * from final
