-- Of each holding and day, to the cent: price and trading together are what was realised and what the unrealised
-- changed by, whichever shares are said to be sold first. A holding that was sold out has no unrealised.
{{ config(meta={'dagster': {'ref': {'name': 'attribution'}}}) }}

with

holdings as (
    select
        trader_id,
        symbol,
        trading_date,
        realised,
        fifo_realised,
        price_effect + trading_effect as total,
        market_value - average_cost as unrealised,
        market_value - fifo_cost as fifo_unrealised
    from {{ ref('attribution') }}
),

changes as (
    select
        *,
        unrealised - lag(unrealised, 1, 0) over by_day as unrealised_change,
        fifo_unrealised - lag(fifo_unrealised, 1, 0) over by_day as fifo_unrealised_change
    from holdings
    window by_day as (
        partition by trader_id, symbol
        order by trading_date
    )
)

select *
from changes
where
    total is distinct from realised + unrealised_change
    or total is distinct from fifo_realised + fifo_unrealised_change
