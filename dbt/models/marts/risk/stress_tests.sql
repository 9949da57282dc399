with

portfolios as (
    select * from {{ ref('portfolio_value') }}
),

positions as (
    select * from {{ ref('positions') }}
),

instruments as (
    select * from {{ ref('stg_reference__instruments') }}
),

shocks as (
    select * from {{ ref('stress_shocks') }}
),

scenarios as (
    select distinct scenario from shocks
),

changes as (
    select
        positions.trader_id,
        positions.trading_date,
        shocks.scenario,
        -- Narrow enough that the product keeps all eight decimals: Spark would round it to six.
        sum(
            cast(positions.market_value as decimal(27, 4)) * cast(shocks.shock as decimal(8, 4))
        ) as value_change
    from positions
    inner join instruments
        on positions.symbol = instruments.symbol
    inner join shocks
        on instruments.sector = shocks.sector
    group by positions.trader_id, positions.trading_date, shocks.scenario
),

joined as (
    select
        portfolios.trader_id,
        portfolios.trading_date,
        scenarios.scenario,
        portfolios.total_value,
        coalesce(changes.value_change, 0) as value_change
    from portfolios
    cross join scenarios
    left join changes
        on
            portfolios.trader_id = changes.trader_id
            and portfolios.trading_date = changes.trading_date
            and scenarios.scenario = changes.scenario
),

final as (
    select
        trader_id,
        trading_date,
        scenario,
        total_value,
        cast(value_change as decimal(38, 4)) as value_change,
        cast(total_value + value_change as decimal(38, 4)) as stressed_value,
        cast(value_change as double) / cast(total_value as double) as change_share
    from joined
)

select * from final
