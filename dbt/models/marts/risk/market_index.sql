with

holdings as (
    select * from {{ ref('attribution') }}
),

days as (
    select
        trading_date,
        sum(opening_value) as opening_value,
        sum(price_effect + dividends) as gain
    from holdings
    group by trading_date
),

returns as (
    select
        trading_date,
        opening_value,
        case
            when opening_value > 0 then cast(gain as double) / cast(opening_value as double)
        end as market_return
    from days
),

final as (
    select
        trading_date,
        cast(opening_value as decimal(38, 4)) as opening_value,
        market_return,
        100 * exp(
            coalesce(
                sum(log1p(market_return)) over (
                    order by trading_date
                    rows between unbounded preceding and current row
                ),
                0
            )
        ) as index_level
    from returns
)

select * from final
