with

statuses as (
    select * from {{ ref('stg_market__market_status') }}
),

opened as (
    select
        symbol,
        trading_date,
        min(event_time) as opened_at,
        min_by(reference_price, sequence) as reference_price
    from statuses
    where session = 'continuous'
    group by symbol, trading_date
),

latest as (
    select
        symbol,
        trading_date,
        max_by(session, sequence) as session,
        max_by(event_time, sequence) as since
    from statuses
    group by symbol, trading_date
),

final as (
    select
        opened.symbol,
        opened.trading_date,
        opened.reference_price,
        opened.opened_at,
        case when latest.session = 'closed' then latest.since end as closed_at
    from opened
    inner join latest
        on
            opened.symbol = latest.symbol
            and opened.trading_date = latest.trading_date
)

select * from final
