with

portfolios as (
    select * from {{ ref('portfolio_value') }}
),

entries as (
    select * from {{ ref('int_ledger_entries') }}
),

holdings as (
    select * from {{ ref('attribution') }}
),

gains as (
    select
        trader_id,
        trading_date,
        sum(realised) as realised,
        sum(market_value - average_cost) as unrealised,
        sum(fifo_realised) as fifo_realised,
        sum(market_value - fifo_cost) as fifo_unrealised,
        sum(price_effect) as price_effect,
        sum(trading_effect) as trading_effect,
        sum(dividends) as dividends
    from holdings
    group by trader_id, trading_date
),

endowments as (
    select
        trader_id,
        trading_date,
        sum(cash_change + cost) as endowed
    from entries
    where is_endowment
    group by trader_id, trading_date
),

valued as (
    select
        portfolios.trader_id,
        portfolios.trading_date,
        portfolios.total_value,
        coalesce(lag(portfolios.total_value) over by_day, 0) as previous_value,
        coalesce(endowments.endowed, 0) as endowed,
        coalesce(gains.realised, 0) as realised,
        coalesce(gains.unrealised, 0) as unrealised,
        coalesce(gains.unrealised, 0) - coalesce(lag(gains.unrealised) over by_day, 0) as unrealised_change,
        coalesce(gains.fifo_realised, 0) as fifo_realised,
        coalesce(gains.fifo_unrealised, 0) as fifo_unrealised,
        coalesce(gains.fifo_unrealised, 0)
        - coalesce(lag(gains.fifo_unrealised) over by_day, 0) as fifo_unrealised_change,
        coalesce(gains.price_effect, 0) as price_effect,
        coalesce(gains.trading_effect, 0) as trading_effect,
        coalesce(gains.dividends, 0) as dividends
    from portfolios
    left join gains
        on
            portfolios.trader_id = gains.trader_id
            and portfolios.trading_date = gains.trading_date
    left join endowments
        on
            portfolios.trader_id = endowments.trader_id
            and portfolios.trading_date = endowments.trading_date
    window by_day as (partition by portfolios.trader_id order by portfolios.trading_date)
),

final as (
    select
        trader_id,
        trading_date,
        cast(previous_value + endowed as decimal(38, 4)) as opening_value,
        cast(endowed as decimal(38, 4)) as endowed,
        cast(realised as decimal(38, 4)) as realised,
        cast(unrealised as decimal(38, 4)) as unrealised,
        cast(unrealised_change as decimal(38, 4)) as unrealised_change,
        cast(fifo_realised as decimal(38, 4)) as fifo_realised,
        cast(fifo_unrealised as decimal(38, 4)) as fifo_unrealised,
        cast(fifo_unrealised_change as decimal(38, 4)) as fifo_unrealised_change,
        cast(price_effect as decimal(38, 4)) as price_effect,
        cast(trading_effect as decimal(38, 4)) as trading_effect,
        cast(dividends as decimal(38, 4)) as dividends,
        cast(realised + unrealised_change + dividends as decimal(38, 4)) as total,
        cast(total_value as decimal(38, 4)) as closing_value
    from valued
)

select * from final
