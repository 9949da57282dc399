-- Trading is a zero-sum game: all traders together win exactly what the prices of all shares gained, and what
-- their issuers paid. On its first day a share was worth the reference price.
{{ config(meta={'dagster': {'ref': {'name': 'profit_and_loss'}}}) }}

with

held as (
    select
        symbol,
        trading_date,
        max(price) as price,
        sum(shares) as shares
    from {{ ref('positions') }}
    group by symbol, trading_date
),

endowed as (
    select
        symbol,
        trading_date,
        sum(quantity_change) as shares,
        sum(cost) as cost
    from {{ ref('int_ledger_entries') }}
    where is_endowment and symbol is not null
    group by symbol, trading_date
),

paid as (
    select
        symbol,
        trading_date,
        sum(cash_change) as cash
    from {{ ref('int_ledger_entries') }}
    where is_corporate_action
    group by symbol, trading_date
),

moved as (
    select
        held.trading_date,
        held.shares * held.price
        - coalesce(lag(held.shares * held.price) over (partition by held.symbol order by held.trading_date), 0)
        - coalesce(endowed.cost, 0)
        + coalesce(paid.cash, 0) as gain
    from held
    left join endowed
        on
            held.symbol = endowed.symbol
            and held.trading_date = endowed.trading_date
    left join paid
        on
            held.symbol = paid.symbol
            and held.trading_date = paid.trading_date
),

expected as (
    select
        trading_date,
        sum(gain) as gain
    from moved
    group by trading_date
),

found as (
    select
        trading_date,
        sum(total) as total
    from {{ ref('profit_and_loss') }}
    group by trading_date
)

select
    expected.gain,
    found.total,
    coalesce(expected.trading_date, found.trading_date) as trading_date
from expected
full outer join found
    on expected.trading_date = found.trading_date
where expected.gain is distinct from found.total
