with

symbol_days as (
    select * from {{ ref('int_symbol_days') }}
),

bars as (
    select * from {{ ref('bars_1d') }}
),

realised as (
    select * from {{ ref('int_realised_volatility') }}
),

final as (
    select
        symbol_days.symbol,
        symbol_days.trading_date,
        symbol_days.reference_price,
        bars.open,
        bars.high,
        bars.low,
        -- Without a trade, what the day began at: the last price, adjusted for a split or dividend.
        coalesce(bars.close, symbol_days.reference_price) as close,
        coalesce(bars.volume, 0) as volume,
        cast(coalesce(bars.turnover, 0) as decimal(38, 4)) as turnover,
        bars.vwap,
        coalesce(bars.trades, 0) as trades,
        realised.realised_1m as volatility,
        symbol_days.closed_at is not null as is_complete
    from symbol_days
    left join bars
        on
            symbol_days.symbol = bars.symbol
            and symbol_days.trading_date = bars.trading_date
    left join realised
        on
            symbol_days.symbol = realised.symbol
            and symbol_days.trading_date = realised.trading_date
)

select * from final
