with

raw as (
    select * from {{ source('market', 'portfolio_updates') }}
),

final as (
    select
        cast(sequence as bigint) as sequence,
        cast(trader_id as bigint) as trader_id,
        cast(entry_id as string) as entry_id,
        cast(trade_id as string) as trade_id,
        cast(symbol as string) as symbol,
        cast(cash_change as decimal(38, 4)) as cash_change,
        cast(quantity_change as bigint) as quantity_change,
        cast(cash as decimal(38, 4)) as cash,
        cast(position as bigint) as position,
        cast(event_time as timestamp) as event_time,
        cast(kafka_partition as int) as kafka_partition,
        cast(kafka_offset as bigint) as kafka_offset,
        cast(kafka_time as timestamp) as kafka_time
    from raw
)

select * from final
