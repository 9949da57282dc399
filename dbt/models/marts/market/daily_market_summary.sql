with

symbol_days as (
    select * from {{ ref('int_symbol_days') }}
),

trades as (
    select
        *,
        {{ new_york_date('event_time') }} as trading_date
    from {{ ref('stg_market__trades') }}
),

bars as (
    select
        *,
        {{ new_york_date('window_start') }} as trading_date
    from {{ ref('stg_market__bars_1m') }}
),

traded as (
    select
        symbol,
        trading_date,
        min_by(price, sequence) as open,
        max(price) as high,
        min(price) as low,
        max_by(price, sequence) as last,
        sum(quantity) as volume,
        sum(cast(price * quantity as decimal(38, 4))) as turnover,
        count(*) as trades
    from trades
    group by symbol, trading_date
),

bar_returns as (
    select
        symbol,
        trading_date,
        ln(
            cast(close as double)
            / cast(lag(close) over (partition by symbol, trading_date order by window_start) as double)
        ) as log_return
    from bars
),

-- Realised volatility (Andersen and Bollerslev 1998): the root of the day's summed squared log returns.
volatilities as (
    select
        symbol,
        trading_date,
        sqrt(sum(log_return * log_return)) as volatility
    from bar_returns
    group by symbol, trading_date
),

joined as (
    select
        symbol_days.symbol,
        symbol_days.trading_date,
        symbol_days.reference_price,
        traded.open,
        traded.high,
        traded.low,
        coalesce(
            last_value(traded.last) ignore nulls over (
                partition by symbol_days.symbol
                order by symbol_days.trading_date
                rows between unbounded preceding and current row
            ),
            symbol_days.reference_price
        ) as close,
        coalesce(traded.volume, 0) as volume,
        cast(coalesce(traded.turnover, 0) as decimal(38, 4)) as turnover,
        coalesce(traded.trades, 0) as trades,
        volatilities.volatility,
        symbol_days.closed_at is not null as is_complete
    from symbol_days
    left join traded
        on
            symbol_days.symbol = traded.symbol
            and symbol_days.trading_date = traded.trading_date
    left join volatilities
        on
            symbol_days.symbol = volatilities.symbol
            and symbol_days.trading_date = volatilities.trading_date
),

final as (
    select
        symbol,
        trading_date,
        reference_price,
        open,
        high,
        low,
        close,
        volume,
        turnover,
        cast(
            case when volume > 0 then {{ dollars(divide_half_up(units('turnover'), 'volume')) }} end as decimal(18, 4)
        ) as vwap,
        trades,
        volatility,
        is_complete
    from joined
)

select * from final
