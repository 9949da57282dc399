{% set days = days_to_build() %}
with

symbol_days as (
    select * from {{ ref('int_symbol_days') }}
    where {{ is_built('trading_date', days) }}
),

bars as (
    select * from {{ ref('bars_1d') }}
    where {{ is_built('trading_date', days) }}
),

statuses as (
    select * from {{ ref('stg_market__market_status') }}
    where {{ is_built_at('event_time', days) }}
),

snapshots as (
    select
        *,
        {{ new_york_date('event_time') }} as trading_date
    from {{ ref('stg_market__book_snapshots') }}
    where {{ is_built_at('event_time', days) }}
),

order_events as (
    select
        *,
        {{ new_york_date('event_time') }} as trading_date
    from {{ ref('stg_market__order_events') }}
    where {{ is_built_at('event_time', days) }}
),

day_rows as (
    select * from {{ ref('stg_market__day_rows') }}
),

orders as (
    select
        symbol,
        trading_date,
        last_sequence,
        event_time,
        explode_outer(orders) as resting
    from snapshots
),

levels as (
    select
        symbol,
        trading_date,
        last_sequence,
        event_time,
        sum(coalesce(resting.shown_quantity, resting.quantity)) as shares,
        row_number() over (
            partition by symbol, trading_date, last_sequence, event_time, resting.side
            order by case when resting.side = 'buy' then -resting.price_units else resting.price_units end
        ) as level
    from orders
    group by symbol, trading_date, last_sequence, event_time, resting.side, resting.price_units
),

depths as (
    select
        symbol,
        trading_date,
        last_sequence as sequence,
        coalesce(sum(shares) filter (where level = 1), 0) as best,
        coalesce(sum(shares) filter (where level <= 5), 0) as five_levels
    from levels
    group by symbol, trading_date, last_sequence, event_time
),

-- While orders gather, the best prices are not the market's.
placed as (
    select
        symbol,
        trading_date,
        sequence,
        session = 'continuous' and halt is null as is_continuous,
        cast(null as bigint) as best,
        cast(null as bigint) as five_levels
    from statuses
    union all
    select
        symbol,
        trading_date,
        sequence,
        null as is_continuous,
        best,
        five_levels
    from depths
),

in_sessions as (
    select
        symbol,
        trading_date,
        best,
        five_levels,
        last_value(is_continuous) ignore nulls over (
            partition by symbol, trading_date
            order by sequence, is_continuous is null
            rows between unbounded preceding and current row
        ) as is_continuous
    from placed
),

depth as (
    select
        symbol,
        trading_date,
        count(*) as snapshots,
        avg(best) as best,
        avg(five_levels) as five_levels
    from in_sessions
    where is_continuous and best is not null
    group by symbol, trading_date
),

flow as (
    select
        symbol,
        trading_date,
        count(*) as order_messages
    from order_events
    where
        event_kind = 'accepted'
        or (event_kind = 'replaced' and reason is null)
        or (event_kind = 'cancelled' and reason = 'requested')
    group by symbol, trading_date
),

joined as (
    select
        symbol_days.symbol,
        symbol_days.trading_date,
        abs(cast(bars.close as double) / cast(symbol_days.reference_price as double) - 1) as absolute_return,
        cast(bars.turnover as double) / 1000000 as turnover_millions,
        depth.best,
        depth.five_levels,
        coalesce(depth.snapshots, 0) as snapshots,
        coalesce(flow.order_messages, 0) as order_messages,
        coalesce(bars.trades, 0) as trades,
        coalesce(day_rows.source_rows, 0) as source_rows
    from symbol_days
    left join bars
        on
            symbol_days.symbol = bars.symbol
            and symbol_days.trading_date = bars.trading_date
    left join depth
        on
            symbol_days.symbol = depth.symbol
            and symbol_days.trading_date = depth.trading_date
    left join flow
        on
            symbol_days.symbol = flow.symbol
            and symbol_days.trading_date = flow.trading_date
    left join day_rows
        on symbol_days.trading_date = day_rows.event_date
),

final as (
    select
        symbol,
        trading_date,
        absolute_return / turnover_millions as amihud,
        best as best_depth,
        five_levels as five_level_depth,
        snapshots,
        order_messages,
        trades,
        case when trades > 0 then order_messages / cast(trades as double) end as order_to_trade_ratio,
        source_rows
    from joined
)

select * from final
