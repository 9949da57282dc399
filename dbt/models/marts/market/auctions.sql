{% set days = days_to_build() %}
with

statuses as (
    select * from {{ ref('stg_market__market_status') }}
    where {{ is_built_at('event_time', days) }}
),

trades as (
    select
        *,
        {{ new_york_date('event_time') }} as trading_date
    from {{ ref('stg_market__trades') }}
    where
        aggressor_side = 'none'
        and {{ is_built_at('event_time', days) }}
),

day_rows as (
    select * from {{ ref('stg_market__day_rows') }}
),

-- What orders gather for.
named as (
    select
        *,
        case
            when session in ('pre_open', 'opening_auction') then 'opening'
            when session = 'closing_auction' then 'closing'
            when session = 'continuous' and halt is not null then 'reopening'
        end as kind
    from statuses
),

compared as (
    select
        *,
        row_number() over by_sequence = 1 or kind is distinct from lag(kind) over by_sequence as is_new
    from named
    window by_sequence as (
        partition by symbol, trading_date
        order by sequence
    )
),

-- The status that ends it tells what was traded.
followed as (
    select
        symbol,
        trading_date,
        kind,
        sequence,
        event_time as began_at,
        lead(event_time) over by_sequence as ended_at,
        lead(auction_price) over by_sequence as price,
        lead(auction_quantity) over by_sequence as quantity,
        lead(sequence) over by_sequence as end_sequence
    from compared
    where is_new
    window by_sequence as (
        partition by symbol, trading_date
        order by sequence
    )
),

gathered as (
    select * from followed
    where kind is not null
),

counted as (
    select
        gathered.symbol,
        gathered.sequence,
        count(*) as trades
    from gathered
    inner join trades
        on
            gathered.symbol = trades.symbol
            and gathered.trading_date = trades.trading_date
            and gathered.sequence < trades.sequence
            and gathered.end_sequence > trades.sequence
    group by gathered.symbol, gathered.sequence
),

final as (
    select
        gathered.symbol,
        gathered.trading_date,
        gathered.kind,
        gathered.began_at,
        gathered.ended_at,
        gathered.price,
        coalesce(gathered.quantity, 0) as quantity,
        coalesce(counted.trades, 0) as trades,
        coalesce(day_rows.source_rows, 0) as source_rows
    from gathered
    left join counted
        on
            gathered.symbol = counted.symbol
            and gathered.sequence = counted.sequence
    left join day_rows
        on gathered.trading_date = day_rows.event_date
)

select * from final
