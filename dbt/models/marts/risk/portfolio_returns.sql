-- A return is a ratio, not money: a double. Every measure looks back over days, so the model is made anew at each run:
-- it is always what a full refresh would give.
with

performance as (
    select * from {{ ref('portfolio_performance') }}
),

measured as (
    select
        trader_id,
        trading_date,
        closing_value,
        daily_return,
        count(daily_return) over lookback as observations,
        avg(daily_return) over lookback as mean_return,
        stddev_samp(daily_return) over lookback as deviation,
        percentile(daily_return, array(0.05, 0.01)) over lookback as quantiles,
        array_sort(collect_list(daily_return) over lookback) as from_worst,
        count(daily_return) over so_far as number
    from performance
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

-- As in volatility_daily: lambda^t times a running sum.
smoothed as (
    select
        *,
        sqrt(
            power({{ var('ewma_lambda') }}d, number) * sum(
                daily_return * daily_return * power({{ var('ewma_lambda') }}d, -number)
                * case when number = 1 then 1 else 1 - {{ var('ewma_lambda') }}d end
            ) over (
                partition by trader_id
                order by trading_date
                rows between unbounded preceding and current row
            )
        ) as ewma_deviation,
        observations >= {{ var('risk_minimum_observations_95') }} as has_enough_95,
        observations >= {{ var('risk_minimum_observations_99') }} as has_enough_99
    from measured
),

limited as (
    select
        *,
        case when has_enough_95 then -quantiles[0] end as value_at_risk_95,
        case when has_enough_99 then -quantiles[1] end as value_at_risk_99,
        case when has_enough_95 then {{ mean_loss_of_worst('from_worst', '0.05d') }} end as expected_shortfall_95,
        case when has_enough_99 then {{ mean_loss_of_worst('from_worst', '0.01d') }} end as expected_shortfall_99,
        case when has_enough_95 then mean_return end as mean_known,
        case when has_enough_95 then deviation end as deviation_known,
        case when has_enough_95 then ewma_deviation end as ewma_known
    from smoothed
),

final as (
    select
        trader_id,
        trading_date,
        closing_value,
        daily_return,
        observations,
        value_at_risk_95,
        value_at_risk_99,
        cast(value_at_risk_95 * cast(closing_value as double) as decimal(38, 4)) as value_at_risk_95_amount,
        cast(value_at_risk_99 * cast(closing_value as double) as decimal(38, 4)) as value_at_risk_99_amount,
        expected_shortfall_95,
        expected_shortfall_99,
        {{ normal_quantile(95) }} * deviation_known - mean_known as normal_value_at_risk_95,
        {{ normal_quantile(99) }} * deviation_known - mean_known as normal_value_at_risk_99,
        {{ normal_tail_mean(95) }} * deviation_known - mean_known as normal_expected_shortfall_95,
        {{ normal_tail_mean(99) }} * deviation_known - mean_known as normal_expected_shortfall_99,
        {{ normal_quantile(95) }} * ewma_known as ewma_value_at_risk_95,
        {{ normal_quantile(99) }} * ewma_known as ewma_value_at_risk_99,
        {{ normal_tail_mean(95) }} * ewma_known as ewma_expected_shortfall_95,
        {{ normal_tail_mean(99) }} * ewma_known as ewma_expected_shortfall_99
    from limited
)

select * from final
