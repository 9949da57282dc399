with

performance as (
    select * from {{ ref('portfolio_performance') }}
),

market as (
    select * from {{ ref('market_index') }}
),

positions as (
    select * from {{ ref('positions') }}
),

concentrations as (
    select
        trader_id,
        trading_date,
        sum(power(cast(market_value as double), 2)) / power(cast(sum(market_value) as double), 2) as concentration
    from positions
    group by trader_id, trading_date
),

joined as (
    select
        performance.trader_id,
        performance.trading_date,
        performance.daily_return,
        performance.closing_value,
        performance.gross_exposure,
        performance.net_exposure,
        1 + performance.time_weighted_return as wealth,
        case when performance.daily_return is not null then market.market_return end as market_return,
        concentrations.concentration
    from performance
    left join market
        on performance.trading_date = market.trading_date
    left join concentrations
        on
            performance.trader_id = concentrations.trader_id
            and performance.trading_date = concentrations.trading_date
),

measured as (
    select
        *,
        wealth / greatest(1, max(wealth) over so_far) - 1 as drawdown,
        count(daily_return) over lookback as observations,
        avg(daily_return) over lookback as mean_return,
        stddev_samp(daily_return) over lookback as deviation,
        -- (least() passes over NULL: a day without a return would count as one of nought.)
        sqrt(avg(power(if(daily_return > 0, 0, daily_return), 2)) over lookback) as downside_deviation,
        covar_samp(daily_return, market_return) over lookback as covariance,
        var_samp(market_return) over lookback as market_variance
    from joined
    window
        lookback as (
            partition by trader_id
            order by trading_date
            rows between {{ var('risk_preceding_days') }} preceding and current row
        ),
        so_far as (
            partition by trader_id
            order by trading_date
            rows between unbounded preceding and current row
        )
),

final as (
    select
        trader_id,
        trading_date,
        observations,
        drawdown,
        min(drawdown) over (
            partition by trader_id
            order by trading_date
            rows between unbounded preceding and current row
        ) as max_drawdown,
        sqrt({{ var('trading_days_a_year') }}) * mean_return / deviation as sharpe_ratio,
        case
            when observations > 1 then sqrt({{ var('trading_days_a_year') }}) * mean_return / downside_deviation
        end as sortino_ratio,
        covariance / market_variance as beta,
        concentration,
        cast(gross_exposure as double) / cast(closing_value as double) as gross_exposure_share,
        cast(net_exposure as double) / cast(closing_value as double) as net_exposure_share
    from measured
)

select * from final
