with

volatility as (
    select * from {{ ref('volatility_daily') }}
),

days as (
    select
        trading_date,
        row_number() over (order by trading_date desc) as days_back
    from volatility
    group by trading_date
),

lookback as (
    select trading_date
    from days
    where days_back <= {{ var('risk_preceding_days') }} + 1
),

returns as (
    select
        volatility.symbol,
        volatility.trading_date,
        volatility.log_return
    from volatility
    inner join lookback
        on volatility.trading_date = lookback.trading_date
),

final as (
    select
        ours.symbol,
        theirs.symbol as other_symbol,
        max(ours.trading_date) as trading_date,
        count(*) as observations,
        corr(ours.log_return, theirs.log_return) as correlation
    from returns as ours
    inner join returns as theirs
        on ours.trading_date = theirs.trading_date
    group by ours.symbol, theirs.symbol
)

select * from final
