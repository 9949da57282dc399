-- Trades of a day that the exchange did not announce would be in no mart.
{{ config(meta={'dagster': {'ref': {'name': 'int_trading_days'}}}) }}

with

trading_days as (
    select * from {{ ref('int_trading_days') }}
),

newest as (
    select max(trading_date) as trading_date from trading_days
),

trade_days as (
    select
        {{ new_york_date('event_time') }} as trading_date,
        count(*) as trades
    from {{ ref('stg_market__trades') }}
    group by {{ new_york_date('event_time') }}
)

select
    trade_days.trading_date,
    trade_days.trades
from trade_days
cross join newest
left join trading_days
    on trade_days.trading_date = trading_days.trading_date
where
    trading_days.trading_date is null
    -- A day that opened while the models were built is the next run's.
    and trade_days.trading_date < newest.trading_date
