-- First in, first out: of all shares ever acquired, in order, those sold so far are the first. So their cost is a
-- function of how many they are: whole lots before, and of the lot in which the number falls a part, rounded half up to
-- 1/10,000 dollar. What a day took is the difference of two such costs, so nothing is lost to rounding. Amounts are in
-- units of 1/10,000 dollar.
with

entries as (
    select
        trader_id,
        symbol,
        trading_date,
        sequence,
        greatest(quantity_change, 0) as acquired,
        greatest(-quantity_change, 0) as disposed,
        {{ units('cost') }} as cost
    from {{ ref('int_ledger_entries') }}
    where symbol is not null
),

days as (
    select
        trader_id,
        symbol,
        trading_date,
        coalesce(sum(cost) filter (where disposed = 0), 0) as acquired_cost,
        coalesce(-sum(cost) filter (where disposed > 0), 0) as proceeds,
        sum(sum(disposed)) over (
            partition by trader_id, symbol
            order by trading_date
            rows between unbounded preceding and current row
        ) as disposed_so_far
    from entries
    group by trader_id, symbol, trading_date
),

lots as (
    select
        trader_id,
        symbol,
        acquired as shares,
        cost,
        (sum(acquired) over so_far) - acquired as shares_before,
        (sum(cost) over so_far) - cost as cost_before
    from entries
    where acquired > 0
    window so_far as (
        partition by trader_id, symbol
        order by sequence
        rows between unbounded preceding and current row
    )
),

-- Lots, and the days' sales among them. A lot that begins where the sales end is not touched: it comes after them.
placed as (
    select
        trader_id,
        symbol,
        shares_before as place,
        true as is_lot,
        cast(null as date) as trading_date,
        shares,
        cost,
        shares_before,
        cost_before
    from lots
    union all
    select
        trader_id,
        symbol,
        disposed_so_far as place,
        false as is_lot,
        trading_date,
        null as shares,
        null as cost,
        null as shares_before,
        null as cost_before
    from days
),

within_lots as (
    select
        trader_id,
        symbol,
        trading_date,
        place,
        is_lot,
        last_value(shares) ignore nulls over lots_before as shares,
        last_value(cost) ignore nulls over lots_before as cost,
        last_value(shares_before) ignore nulls over lots_before as shares_before,
        last_value(cost_before) ignore nulls over lots_before as cost_before
    from placed
    window lots_before as (
        partition by trader_id, symbol
        order by place, is_lot
        rows between unbounded preceding and current row
    )
),

sold as (
    select
        trader_id,
        symbol,
        trading_date,
        case
            when place = 0 then 0
            -- More was sold than was ever held: there is no cost.
            when place <= shares_before + shares
                then cost_before + {{ divide_half_up('cost * (place - shares_before)', 'shares') }}
        end as cost_so_far
    from within_lots
    where not is_lot
),

taken as (
    select
        days.trader_id,
        days.symbol,
        days.trading_date,
        days.acquired_cost,
        days.proceeds,
        sold.cost_so_far - lag(sold.cost_so_far, 1, 0) over (
            partition by days.trader_id, days.symbol
            order by days.trading_date
        ) as cost_of_sold
    from days
    inner join sold
        on
            days.trader_id = sold.trader_id
            and days.symbol = sold.symbol
            and days.trading_date = sold.trading_date
),

final as (
    select
        trader_id,
        symbol,
        trading_date,
        {{ dollars('acquired_cost - cost_of_sold') }} as cost_change,
        {{ dollars('proceeds - cost_of_sold') }} as realised
    from taken
)

select * from final
