-- On every trading day the cash of all traders adds up to all cash ever endowed, and paid by issuers, to 1/10,000
-- dollar.
{{ config(meta={'dagster': {'ref': {'name': 'portfolio_value'}}}) }}

with

days as (
    select * from {{ ref('int_trading_days') }}
),

endowed as (
    select
        days.trading_date,
        sum(entries.cash_change) as cash
    from days
    inner join {{ ref('int_ledger_entries') }} as entries
        on days.trading_date >= entries.trading_date
    where entries.is_endowment or entries.is_corporate_action
    group by days.trading_date
),

held as (
    select
        trading_date,
        sum(cash) as cash
    from {{ ref('portfolio_value') }}
    group by trading_date
)

select
    endowed.cash as endowed,
    held.cash as held,
    coalesce(endowed.trading_date, held.trading_date) as trading_date
from endowed
full outer join held
    on endowed.trading_date = held.trading_date
where endowed.cash is distinct from held.cash
