with

portfolios as (
    select * from {{ ref('portfolio_value') }}
),

entries as (
    select * from {{ ref('int_ledger_entries') }}
),

daily_realised as (
    select * from {{ ref('int_daily_realised') }}
),

gains as (
    select
        trader_id,
        trading_date,
        sum(realised) as realised,
        sum(cost_change) as cost_change
    from daily_realised
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
        portfolios.holdings_value,
        coalesce(
            lag(portfolios.total_value) over (partition by portfolios.trader_id order by portfolios.trading_date), 0
        ) as previous_value,
        coalesce(endowments.endowed, 0) as endowed,
        coalesce(gains.realised, 0) as realised,
        portfolios.holdings_value - coalesce(
            sum(gains.cost_change) over (
                partition by portfolios.trader_id
                order by portfolios.trading_date
                rows between unbounded preceding and current row
            ), 0
        ) as unrealised
    from portfolios
    left join gains
        on
            portfolios.trader_id = gains.trader_id
            and portfolios.trading_date = gains.trading_date
    left join endowments
        on
            portfolios.trader_id = endowments.trader_id
            and portfolios.trading_date = endowments.trading_date
),

changes as (
    select
        *,
        unrealised - coalesce(
            lag(unrealised) over (partition by trader_id order by trading_date), 0
        ) as unrealised_change
    from valued
),

final as (
    select
        trader_id,
        trading_date,
        cast(previous_value + endowed as decimal(38, 4)) as opening_value,
        cast(realised as decimal(38, 4)) as realised,
        cast(unrealised as decimal(38, 4)) as unrealised,
        cast(unrealised_change as decimal(38, 4)) as unrealised_change,
        cast(realised + unrealised_change as decimal(38, 4)) as total,
        cast(total_value as decimal(38, 4)) as closing_value
    from changes
)

select * from final
