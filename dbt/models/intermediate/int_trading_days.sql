with

symbol_days as (
    select * from {{ ref('int_symbol_days') }}
),

days as (
    select
        trading_date,
        min(opened_at) as opened_at,
        case when count(closed_at) = count(*) then max(closed_at) end as closed_at
    from symbol_days
    group by trading_date
),

final as (
    select
        trading_date,
        lag(trading_date) over (order by trading_date) as previous_trading_date,
        opened_at,
        closed_at
    from days
)

select * from final
