-- The one model that follows every holding through the days; the others of this group sum it up. It looks back over all
-- entries, so it is made anew at each run: it is always what a full refresh would give.
with

entries as (
    select
        *,
        not is_endowment and not is_corporate_action as is_trade
    from {{ ref('int_ledger_entries') }}
    where symbol is not null
),

trading_days as (
    select * from {{ ref('int_trading_days') }}
),

summary as (
    select * from {{ ref('daily_market_summary') }}
),

average_costs as (
    select * from {{ ref('int_daily_realised') }}
),

fifo_costs as (
    select * from {{ ref('int_daily_fifo') }}
),

changes as (
    select
        trader_id,
        symbol,
        trading_date,
        sum(quantity_change) as quantity_change,
        coalesce(sum(quantity_change) filter (where is_endowment), 0) as endowed_shares,
        coalesce(sum(cost) filter (where is_endowment), 0) as endowed,
        coalesce(sum(quantity_change) filter (where is_corporate_action), 0) as split_shares,
        coalesce(sum(cash_change) filter (where is_corporate_action), 0) as dividends,
        coalesce(sum(quantity_change) filter (where is_trade and quantity_change > 0), 0) as bought_shares,
        coalesce(sum(cost) filter (where is_trade and quantity_change > 0), 0) as bought,
        coalesce(-sum(quantity_change) filter (where is_trade and quantity_change < 0), 0) as sold_shares,
        coalesce(-sum(cost) filter (where is_trade and quantity_change < 0), 0) as sold
    from entries
    group by trader_id, symbol, trading_date
),

costed as (
    select
        changes.*,
        average_costs.cost_change,
        average_costs.realised,
        fifo_costs.cost_change as fifo_cost_change,
        fifo_costs.realised as fifo_realised
    from changes
    left join average_costs
        on
            changes.trader_id = average_costs.trader_id
            and changes.symbol = average_costs.symbol
            and changes.trading_date = average_costs.trading_date
    left join fifo_costs
        on
            changes.trader_id = fifo_costs.trader_id
            and changes.symbol = fifo_costs.symbol
            and changes.trading_date = fifo_costs.trading_date
),

holdings as (
    select
        trader_id,
        symbol,
        min(trading_date) as first_trading_date
    from changes
    group by trader_id, symbol
),

symbols as (
    select distinct symbol from summary
),

-- A symbol that did not open on a day keeps the close that it had.
carried as (
    select
        trading_days.trading_date,
        symbols.symbol,
        last_value(market.close) ignore nulls over (
            partition by symbols.symbol
            order by trading_days.trading_date
            rows between unbounded preceding and current row
        ) as price
    from trading_days
    cross join symbols
    left join summary as market
        on
            trading_days.trading_date = market.trading_date
            and symbols.symbol = market.symbol
),

closes as (
    select
        *,
        lag(price) over (partition by symbol order by trading_date) as previous_price
    from carried
),

held as (
    select
        holdings.trader_id,
        holdings.symbol,
        closes.trading_date,
        closes.price,
        costed.quantity_change is not null as has_entries,
        coalesce(costed.endowed_shares, 0) as endowed_shares,
        coalesce(costed.endowed, 0) as endowed,
        coalesce(costed.split_shares, 0) as split_shares,
        coalesce(costed.dividends, 0) as dividends,
        coalesce(costed.bought_shares, 0) as bought_shares,
        coalesce(costed.bought, 0) as bought,
        coalesce(costed.sold_shares, 0) as sold_shares,
        coalesce(costed.sold, 0) as sold,
        coalesce(costed.realised, 0) as realised,
        coalesce(costed.fifo_realised, 0) as fifo_realised,
        coalesce(closes.previous_price, 0) as previous_price,
        sum(coalesce(costed.quantity_change, 0)) over so_far as shares,
        sum(costed.cost_change) over so_far as average_cost,
        sum(costed.fifo_cost_change) over so_far as fifo_cost
    from holdings
    inner join closes
        on
            holdings.symbol = closes.symbol
            and holdings.first_trading_date <= closes.trading_date
    left join costed
        on
            holdings.trader_id = costed.trader_id
            and holdings.symbol = costed.symbol
            and closes.trading_date = costed.trading_date
    window so_far as (
        partition by holdings.trader_id, holdings.symbol
        order by closes.trading_date
        rows between unbounded preceding and current row
    )
),

opened as (
    select
        *,
        shares - endowed_shares - split_shares - bought_shares + sold_shares as carried_shares
    from held
),

-- What was endowed, and what splits made of what was held, is held from the open on.
valued as (
    select
        *,
        carried_shares + split_shares + endowed_shares as opening_shares,
        carried_shares * previous_price + endowed as opening_value,
        shares * price as market_value
    from opened
    where has_entries or carried_shares != 0
),

final as (
    select
        trader_id,
        symbol,
        trading_date,
        opening_shares,
        cast(opening_value as decimal(38, 4)) as opening_value,
        bought_shares,
        cast(bought as decimal(38, 4)) as bought,
        sold_shares,
        cast(sold as decimal(38, 4)) as sold,
        shares,
        price,
        cast(market_value as decimal(38, 4)) as market_value,
        cast(average_cost as decimal(38, 4)) as average_cost,
        cast(fifo_cost as decimal(38, 4)) as fifo_cost,
        cast(realised as decimal(38, 4)) as realised,
        cast(fifo_realised as decimal(38, 4)) as fifo_realised,
        cast(opening_shares * price - opening_value as decimal(38, 4)) as price_effect,
        cast((bought_shares - sold_shares) * price - bought + sold as decimal(38, 4)) as trading_effect,
        cast(dividends as decimal(38, 4)) as dividends
    from valued
)

select * from final
