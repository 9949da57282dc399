with

raw as (
    select * from {{ source('market', 'bars_1m') }}
),

final as (
    select
        cast(symbol as string) as symbol,
        cast(event_time as timestamp) as window_start,
        cast(open as decimal(18, 4)) as open,
        cast(high as decimal(18, 4)) as high,
        cast(low as decimal(18, 4)) as low,
        cast(close as decimal(18, 4)) as close,
        cast(volume as bigint) as volume,
        cast(trades as bigint) as trade_count,
        cast(turnover as decimal(38, 4)) as turnover,
        cast(vwap as decimal(18, 4)) as vwap,
        cast(first_sequence as bigint) as first_sequence,
        cast(last_sequence as bigint) as last_sequence,
        cast(moving_average as decimal(18, 4)) as moving_average,
        cast(log_return as double) as log_return,
        cast(volatility as double) as volatility
    from raw
)

select * from final
