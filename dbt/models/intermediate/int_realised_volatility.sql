-- Squares are summed as decimals: the sum of doubles would depend on the order in which Spark adds them.
{% set days = days_to_build() %}
with

bars as (
    select
        *,
        {{ new_york_date('window_start') }} as trading_date
    from {{ ref('stg_market__bars_1m') }}
    where {{ is_built_at('window_start', days) }}
),

day_rows as (
    select * from {{ ref('stg_market__day_rows') }}
),

five_minutes as (
    select
        symbol,
        trading_date,
        window(window_start, '5 minutes').start as window_start,
        max_by(close, window_start) as close
    from bars
    group by symbol, trading_date, window(window_start, '5 minutes').start
),

closes as (
    select
        symbol,
        trading_date,
        1 as minutes,
        window_start,
        close
    from bars
    union all
    select
        symbol,
        trading_date,
        5 as minutes,
        window_start,
        close
    from five_minutes
),

returns as (
    select
        symbol,
        trading_date,
        minutes,
        ln(
            cast(close as double)
            / cast(lag(close) over (partition by symbol, trading_date, minutes order by window_start) as double)
        ) as log_return
    from closes
),

summed as (
    select
        symbol,
        trading_date,
        sum(cast(log_return * log_return as decimal(38, 24))) filter (where minutes = 1) as squares_1m,
        sum(cast(log_return * log_return as decimal(38, 24))) filter (where minutes = 5) as squares_5m
    from returns
    group by symbol, trading_date
),

final as (
    select
        summed.symbol,
        summed.trading_date,
        sqrt(cast(summed.squares_1m as double)) as realised_1m,
        sqrt(cast(summed.squares_5m as double)) as realised_5m,
        coalesce(day_rows.source_rows, 0) as source_rows
    from summed
    left join day_rows
        on summed.trading_date = day_rows.event_date
)

select * from final
