-- First in, first out: of all shares ever acquired, in order, those sold so far are the first. So their cost is a
-- function of how many they are: whole lots before, and of the lot in which the number falls a part, rounded half up to
-- 1/10,000 dollar. What a day took is the difference of two such costs, so nothing is lost to rounding. A split moves
-- the ends of the lots that are not sold, rounded down to whole shares, and keeps their costs; a lot sold in part
-- becomes two. A lot left without a share costs the next share sold. Amounts are in units of 1/10,000 dollar.
{% set lot = 'struct<first_place: bigint, end_place: bigint, cost: decimal(38)>' %}
{% set sold_part = divide_half_up(
    'now.cost * (split.place - now.first_place)', '(now.end_place - now.first_place)'
) %}
with

ledger as (
    select
        *,
        sum(quantity_change) over (
            partition by trader_id, symbol
            order by sequence
            rows between unbounded preceding and current row
        ) as held
    from {{ ref('int_ledger_entries') }}
    where symbol is not null
),

-- A split that leaves no share takes all of them, for nothing: the cash for the fraction is a dividend.
classified as (
    select
        *,
        is_corporate_action and quantity_change != 0 and held > 0 as is_split
    from ledger
),

entries as (
    select
        trader_id,
        symbol,
        trading_date,
        sequence,
        held,
        is_split,
        quantity_change,
        case when is_split then 0 else greatest(quantity_change, 0) end as acquired,
        case when is_split then 0 else greatest(-quantity_change, 0) end as disposed,
        {{ units('cost') }} as cost
    from classified
),

counted as (
    select
        *,
        sum(disposed) over (
            partition by trader_id, symbol
            order by sequence
            rows between unbounded preceding and current row
        ) as sold_so_far
    from entries
),

splits as (
    select
        trader_id,
        symbol,
        array_sort(
            collect_list(
                named_struct(
                    'sequence', sequence,
                    'place', sold_so_far,
                    'before', held - quantity_change,
                    'after', held
                )
            )
        ) as splits
    from counted
    where is_split
    group by trader_id, symbol
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

acquisitions as (
    select
        counted.trader_id,
        counted.symbol,
        counted.sequence,
        counted.cost,
        counted.sold_so_far + counted.held - counted.acquired as first_place,
        counted.sold_so_far + counted.held as end_place,
        filter(splits.splits, split -> split.sequence > counted.sequence) as later_splits
    from counted
    left join splits
        on
            counted.trader_id = splits.trader_id
            and counted.symbol = splits.symbol
    where counted.acquired > 0
),

folded as (
    select
        trader_id,
        symbol,
        sequence,
        aggregate(
            coalesce(later_splits, array()),
            cast(
                named_struct('first_place', first_place, 'end_place', end_place, 'cost', cost, 'done', array())
                as {{ lot[:-1] }}, done: array<{{ lot }}>>
            ),
            (now, split) -> case
                when split.place >= now.end_place and split.place > now.first_place then now
                when split.place <= now.first_place
                    then named_struct(
                        'first_place', {{ after_split('now.first_place') }},
                        'end_place', {{ after_split('now.end_place') }},
                        'cost', now.cost,
                        'done', now.done
                    )
                else named_struct(
                    'first_place', split.place,
                    'end_place', {{ after_split('now.end_place') }},
                    'cost', now.cost - {{ sold_part }},
                    'done', concat(
                        now.done,
                        array(
                            named_struct(
                                'first_place', now.first_place,
                                'end_place', split.place,
                                'cost', {{ sold_part }}
                            )
                        )
                    )
                )
            end,
            now -> concat(
                now.done,
                array(named_struct('first_place', now.first_place, 'end_place', now.end_place, 'cost', now.cost))
            )
        ) as parts
    from acquisitions
),

exploded as (
    select
        trader_id,
        symbol,
        sequence,
        posexplode(parts) as (number, part)
    from folded
),

lots as (
    select
        trader_id,
        symbol,
        part.end_place - part.first_place as shares,
        part.cost,
        part.first_place as shares_before,
        (sum(part.cost) over so_far) - part.cost as cost_before
    from exploded
    window so_far as (
        partition by trader_id, symbol
        order by sequence, number
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
        order by place, is_lot, shares
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
