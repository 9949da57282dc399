-- Flink's bars of a symbol hold all of its trades, up to the last minute that both tables surely have.
{{ config(meta={'dagster': {'ref': {'name': 'daily_market_summary'}}}) }}
-- depends_on: {{ ref('daily_market_summary') }}

with

trades as (
    select * from {{ ref('stg_market__trades') }}
),

bars as (
    select * from {{ ref('stg_market__bars_1m') }}
),

last_bars as (
    select
        symbol,
        max(window_start) + interval 1 minute as window_end
    from bars
    group by symbol
),

last_trades as (
    select
        symbol,
        date_trunc('minute', max(event_time)) as minute
    from trades
    group by symbol
),

horizons as (
    select
        last_trades.symbol,
        least(last_trades.minute, last_bars.window_end) as horizon
    from last_trades
    inner join last_bars
        on last_trades.symbol = last_bars.symbol
),

expected as (
    select
        trades.symbol,
        date_trunc('minute', trades.event_time) as window_start,
        min_by(trades.price, trades.sequence) as open,
        max(trades.price) as high,
        min(trades.price) as low,
        max_by(trades.price, trades.sequence) as close,
        sum(trades.quantity) as volume,
        count(*) as trade_count,
        sum(cast(trades.price * trades.quantity as decimal(38, 4))) as turnover
    from trades
    inner join horizons
        on trades.symbol = horizons.symbol
    where trades.event_time < horizons.horizon
    group by trades.symbol, date_trunc('minute', trades.event_time)
),

found as (
    select bars.*
    from bars
    inner join horizons
        on bars.symbol = horizons.symbol
    where bars.window_start < horizons.horizon
)

select
    expected.volume as expected_volume,
    found.volume as found_volume,
    coalesce(expected.symbol, found.symbol) as symbol,
    coalesce(expected.window_start, found.window_start) as window_start
from expected
full outer join found
    on
        expected.symbol = found.symbol
        and expected.window_start = found.window_start
where
    expected.open is distinct from found.open
    or expected.high is distinct from found.high
    or expected.low is distinct from found.low
    or expected.close is distinct from found.close
    or expected.volume is distinct from found.volume
    or expected.trade_count is distinct from found.trade_count
    or expected.turnover is distinct from found.turnover
