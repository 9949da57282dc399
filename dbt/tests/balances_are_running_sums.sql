-- Each update states the balances after it: they are the sums of all changes up to it, and no update is missing.
{{ config(meta={'dagster': {'ref': {'name': 'int_ledger_entries'}}}) }}
-- depends_on: {{ ref('int_ledger_entries') }}

with

summed as (
    select
        *,
        sum(cash_change) over trader as summed_cash,
        row_number() over trader as expected_sequence,
        sum(quantity_change) over (
            partition by trader_id, symbol
            order by sequence
            rows between unbounded preceding and current row
        ) as summed_position
    from {{ ref('stg_market__portfolio_updates') }}
    window trader as (
        partition by trader_id
        order by sequence
        rows between unbounded preceding and current row
    )
)

select
    trader_id,
    sequence,
    entry_id,
    cash,
    summed_cash,
    position,
    summed_position
from summed
where
    cash is distinct from summed_cash
    or sequence != expected_sequence
    or (symbol is not null and position is distinct from summed_position)
