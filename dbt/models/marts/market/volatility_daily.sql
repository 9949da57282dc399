-- It looks back over days, so it is made anew from the incremental models at each run (it is small): it is always what
-- a full refresh would give.
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

joined as (
    select
        symbol_days.symbol,
        symbol_days.trading_date,
        coalesce(ln(cast(bars.close as double) / cast(symbol_days.reference_price as double)), 0) as log_return,
        ln(cast(bars.high as double) / cast(bars.low as double)) as log_range,
        ln(cast(bars.close as double) / cast(bars.open as double)) as log_body,
        realised.realised_1m,
        realised.realised_5m
    from symbol_days
    left join bars
        on
            symbol_days.symbol = bars.symbol
            and symbol_days.trading_date = bars.trading_date
    left join realised
        on
            symbol_days.symbol = realised.symbol
            and symbol_days.trading_date = realised.trading_date
),

numbered as (
    select
        *,
        row_number() over (partition by symbol order by trading_date) as day_number
    from joined
),

-- Unrolled, s(t) = lambda s(t-1) + (1 - lambda) r(t)^2 with s(1) = r(1)^2 is lambda^t times a running sum.
smoothed as (
    select
        *,
        power({{ var('ewma_lambda') }}d, day_number) * sum(
            log_return * log_return * power({{ var('ewma_lambda') }}d, -day_number)
            * case when day_number = 1 then 1 else 1 - {{ var('ewma_lambda') }}d end
        ) over (
            partition by symbol
            order by trading_date
            rows between unbounded preceding and current row
        ) as ewma_variance
    from numbered
),

final as (
    select
        symbol,
        trading_date,
        log_return,
        realised_1m,
        realised_5m,
        sqrt(log_range * log_range / (4 * ln(2))) as parkinson,
        sqrt(log_range * log_range / 2 - (2 * ln(2) - 1) * log_body * log_body) as garman_klass,
        sqrt(ewma_variance) as ewma
    from smoothed
)

select * from final
