{% set days = days_to_build() %}
with

trades as (
    select
        *,
        {{ new_york_date('event_time') }} as trading_date
    from {{ ref('stg_market__trades') }}
    where {{ is_built_at('event_time', days) }}
),

symbol_days as (
    select * from {{ ref('int_symbol_days') }}
),

day_rows as (
    select * from {{ ref('stg_market__day_rows') }}
),

windowed as (
    select
        trades.*,
        symbol_days.opened_at as window_start,
        symbol_days.closed_at as window_end
    from trades
    inner join symbol_days
        on
            trades.symbol = symbol_days.symbol
            and trades.trading_date = symbol_days.trading_date
),

barred as (
    {{ bars('windowed') }}
),

final as (
    select
        barred.symbol,
        barred.trading_date,
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
