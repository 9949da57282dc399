-- The legs of a trade reach the lake apart, but not an hour (of market time) apart.
{{ config(meta={'dagster': {'ref': {'name': 'int_ledger_entries'}}}) }}
-- depends_on: {{ ref('int_ledger_entries') }}

with

updates as (
    select * from {{ ref('stg_market__portfolio_updates') }}
),

newest as (
    select max(event_time) as event_time from updates
)

select
    updates.trade_id,
    sum(updates.cash_change) as cash,
    sum(updates.quantity_change) as quantity
from updates
cross join newest
where
    updates.trade_id is not null
    and updates.event_time < newest.event_time - interval 1 hour
group by updates.trade_id
having sum(updates.cash_change) != 0 or sum(updates.quantity_change) != 0
