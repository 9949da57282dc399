-- A return is a ratio, not money: a double.
with

profits as (
    select * from {{ ref('profit_and_loss') }}
),

returns as (
    select
        trader_id,
        trading_date,
        closing_value,
        case when opening_value > 0 then cast(total as double) / cast(opening_value as double) end as daily_return
    from profits
),

measured as (
    select
        *,
        count(daily_return) over lookback as observations,
        percentile(daily_return, 0.05) over lookback as quantile_05,
        percentile(daily_return, 0.01) over lookback as quantile_01
    from returns
    window lookback as (
        partition by trader_id
        order by trading_date
        rows between {{ var('risk_preceding_days') }} preceding and current row
    )
),

limited as (
    select
        *,
        case when observations >= {{ var('risk_minimum_observations_95') }} then -quantile_05 end as value_at_risk_95,
        case when observations >= {{ var('risk_minimum_observations_99') }} then -quantile_01 end as value_at_risk_99
    from measured
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
        cast(value_at_risk_99 * cast(closing_value as double) as decimal(38, 4)) as value_at_risk_99_amount
    from limited
)

select * from final
