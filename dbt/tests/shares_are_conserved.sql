-- On every trading day the positions of a symbol add up to all shares ever endowed, and made or taken by splits:
-- trading moves shares, no more.
{{ config(meta={'dagster': {'ref': {'name': 'positions'}}}) }}

with

days as (
    select * from {{ ref('int_trading_days') }}
),

endowed as (
    select
        days.trading_date,
        entries.symbol,
        sum(entries.quantity_change) as shares
    from days
    inner join {{ ref('int_ledger_entries') }} as entries
        on days.trading_date >= entries.trading_date
    where (entries.is_endowment or entries.is_corporate_action) and entries.symbol is not null
    group by days.trading_date, entries.symbol
),

held as (
    select
        trading_date,
        symbol,
        sum(shares) as shares
    from {{ ref('positions') }}
    group by trading_date, symbol
)

select
    endowed.shares as endowed,
    held.shares as held,
    coalesce(endowed.trading_date, held.trading_date) as trading_date,
    coalesce(endowed.symbol, held.symbol) as symbol
from endowed
full outer join held
    on
        endowed.trading_date = held.trading_date
        and endowed.symbol = held.symbol
where coalesce(endowed.shares, 0) != coalesce(held.shares, 0)
