-- A halt by hand may last over days, so this is not made day by day.
with

statuses as (
    select * from {{ ref('stg_market__market_status') }}
),

compared as (
    select
        *,
        lag(limit_state) over by_sequence as limit_state_before,
        halt is distinct from lag(halt) over by_sequence as is_new
    from statuses
    window by_sequence as (
        partition by symbol
        order by sequence
    )
),

followed as (
    select
        *,
        lead(event_time) over by_sequence as ended_at,
        lead(auction_price) over by_sequence as reopening_price
    from compared
    where is_new
    window by_sequence as (
        partition by symbol
        order by sequence
    )
),

final as (
    select
        symbol,
        trading_date,
        halt as kind,
        limit_state_before as limit_state,
        event_time as began_at,
        ended_at,
        (unix_micros(ended_at) - unix_micros(event_time)) / 1000000.0d as duration_seconds,
        reopening_price
    from followed
    where halt is not null
)

select * from final
