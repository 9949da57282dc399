with

holdings as (
    select * from {{ ref('attribution') }}
    where shares != 0
),

final as (
    select
        trader_id,
        symbol,
        trading_date,
        shares,
        price,
        market_value,
        average_cost,
        cast(market_value - average_cost as decimal(38, 4)) as unrealised,
        fifo_cost,
        cast(market_value - fifo_cost as decimal(38, 4)) as fifo_unrealised
    from holdings
)

select * from final
