-- depends_on: {{ ref('stg_market__day_rows') }}: a status that was counted there is seen here.
with

statuses as (
    select * from {{ ref('stg_market__market_status') }}
),

-- A day begins with its first session of any kind: orders are taken before continuous trading, and auctions trade.
opened as (
    select
        symbol,
        trading_date,
        min(event_time) as opened_at,
        max(sequence) as last_open_sequence,
        min_by(reference_price, sequence) filter (where reference_price is not null) as reference_price
    from statuses
    where session != 'closed'
    group by symbol, trading_date
),

-- Statuses of a halt may follow the close.
closed as (
    select
        opened.symbol,
        opened.trading_date,
        min(statuses.event_time) as closed_at
    from opened
    inner join statuses
        on
            opened.symbol = statuses.symbol
            and opened.trading_date = statuses.trading_date
            and opened.last_open_sequence < statuses.sequence
    group by opened.symbol, opened.trading_date
),

final as (
    select
        opened.symbol,
        opened.trading_date,
        opened.reference_price,
        opened.opened_at,
        closed.closed_at
    from opened
    left join closed
        on
            opened.symbol = closed.symbol
            and opened.trading_date = closed.trading_date
    -- Without a reference price no limit is taken, and nothing can trade.
    where opened.reference_price is not null
)

select * from final
