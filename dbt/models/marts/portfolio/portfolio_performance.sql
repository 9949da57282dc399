-- Ratios are doubles, not money.
with

profits as (
    select * from {{ ref('profit_and_loss') }}
),

portfolios as (
    select * from {{ ref('portfolio_value') }}
),

holdings as (
    select * from {{ ref('attribution') }}
),

traded as (
    select
        trader_id,
        trading_date,
        sum(bought) as bought,
        sum(sold) as sold,
        sum(abs(market_value)) as gross_exposure
    from holdings
    group by trader_id, trading_date
),

joined as (
    select
        profits.trader_id,
        profits.trading_date,
        profits.opening_value,
        profits.total as profit,
        profits.closing_value,
        portfolios.holdings_value as net_exposure,
        case
            when profits.opening_value > 0 then cast(profits.total as double) / cast(profits.opening_value as double)
        end as daily_return,
        coalesce(traded.bought, 0) as bought,
        coalesce(traded.sold, 0) as sold,
        coalesce(traded.gross_exposure, 0) as gross_exposure
    from profits
    inner join portfolios
        on
            profits.trader_id = portfolios.trader_id
            and profits.trading_date = portfolios.trading_date
    left join traded
        on
            profits.trader_id = traded.trader_id
            and profits.trading_date = traded.trading_date
),

linked as (
    select
        *,
        -- Of a sum of logarithms, but there is none of a day that lost everything.
        case
            when min(daily_return) over so_far <= -1 then -1d
            else expm1(coalesce(sum(log1p(daily_return)) over so_far, 0))
        end as time_weighted_return
    from joined
    window so_far as (
        partition by trader_id
        order by trading_date
        rows between unbounded preceding and current row
    )
),

final as (
    select
        trader_id,
        trading_date,
        opening_value,
        profit,
        closing_value,
        daily_return,
        time_weighted_return,
        cast(bought as decimal(38, 4)) as bought,
        cast(sold as decimal(38, 4)) as sold,
        cast(bought + sold as double) / cast(opening_value + closing_value as double) as turnover,
        cast(gross_exposure as decimal(38, 4)) as gross_exposure,
        net_exposure,
        cast(net_exposure as double) / cast(closing_value as double) as invested_share
    from linked
)

select * from final
