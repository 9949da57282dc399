-- Moving average cost, trade by trade: buying adds its cost; selling q of n shares takes q / n of the cost away,
-- rounded half up to 1/10,000 dollar, and all of it with the last share; a split changes the shares and not their cost,
-- unless it leaves none.
-- What rounding left stays in the cost of the shares that are left, so realised and unrealised always add up exactly.
-- Amounts are in units of 1/10,000 dollar.
{% set of_day = 'struct<trading_date: date, shares: bigint, cost_change: decimal(38), realised: decimal(38)>' %}
with

entries as (
    select * from {{ ref('int_ledger_entries') }}
),

days as (
    select
        trader_id,
        symbol,
        trading_date,
        array_sort(
            collect_list(
                named_struct(
                    'sequence', sequence,
                    'quantity', quantity_change,
                    'cost', {{ units('cost') }},
                    'is_given', is_corporate_action
                )
            )
        ) as entries
    from entries
    where symbol is not null
    group by trader_id, symbol, trading_date
),

histories as (
    select
        trader_id,
        symbol,
        array_sort(collect_list(named_struct('trading_date', trading_date, 'entries', entries))) as days
    from days
    group by trader_id, symbol
),

folded as (
    select
        trader_id,
        symbol,
        aggregate(
            days,
            cast(
                named_struct('shares', 0, 'cost', 0, 'done', array())
                as struct<
                    shares: bigint,
                    cost: decimal(38),
                    done: array<{{ of_day }}>
                >
            ),
            (held, day) -> element_at(
                transform(
                    array(
                        aggregate(
                            day.entries,
                            named_struct(
                                'shares', held.shares,
                                'cost', held.cost,
                                'realised', cast(0 as decimal(38, 0))
                            ),
                            (now, entry) -> case
                                when entry.quantity >= 0 or (entry.is_given and now.shares + entry.quantity > 0)
                                    then named_struct(
                                        'shares', now.shares + entry.quantity,
                                        'cost', now.cost + entry.cost,
                                        'realised', now.realised
                                    )
                                else named_struct(
                                    'shares', now.shares + entry.quantity,
                                    'cost', now.cost - {{ cost_of_sold('now', 'entry') }},
                                    'realised', now.realised - entry.cost - {{ cost_of_sold('now', 'entry') }}
                                )
                            end
                        )
                    ),
                    after -> named_struct(
                        'shares', after.shares,
                        'cost', after.cost,
                        'done', concat(
                            held.done,
                            array(
                                named_struct(
                                    'trading_date', day.trading_date,
                                    'shares', after.shares,
                                    'cost_change', after.cost - held.cost,
                                    'realised', after.realised
                                )
                            )
                        )
                    )
                ),
                1
            ),
            held -> held.done
        ) as done
    from histories
),

exploded as (
    select
        trader_id,
        symbol,
        explode(done) as day
    from folded
),

final as (
    select
        trader_id,
        symbol,
        day.trading_date,
        day.shares,
        {{ dollars('day.cost_change') }} as cost_change,
        {{ dollars('day.realised') }} as realised
    from exploded
)

select * from final
