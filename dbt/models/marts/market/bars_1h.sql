{% set days = days_to_build() %}
with

trades as (
    select * from {{ ref('stg_market__trades') }}
    where {{ is_built_at('event_time', days) }}
),

day_rows as (
    select * from {{ ref('stg_market__day_rows') }}
),

windowed as (
    select
        *,
        {{ new_york_date('event_time') }} as trading_date,
        date_trunc('hour', event_time) as window_start,
        date_trunc('hour', event_time) + interval 1 hour as window_end
    from trades
),

barred as (
    {{ bars('windowed') }}
),

final as (
    select
        barred.symbol,
        barred.trading_date,
        barred.window_start,
        barred.open,
        barred.high,
        barred.low,
        barred.close,
        barred.volume,
        barred.turnover,
        barred.vwap,
        barred.twap,
        barred.trades,
        coalesce(day_rows.source_rows, 0) as source_rows
    from barred
    left join day_rows
        on barred.trading_date = day_rows.event_date
)

select * from final
