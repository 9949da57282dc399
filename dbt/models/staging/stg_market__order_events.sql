with

raw as (
    select * from {{ source('market', 'order_events') }}
),

final as (
    select
        cast(event as string) as event_kind,
        cast(sequence as bigint) as sequence,
        cast(order_id as bigint) as order_id,
        cast(trader_id as bigint) as trader_id,
        cast(symbol as string) as symbol,
        cast(side as string) as side,
        cast(order_type as string) as order_type,
        cast(time_in_force as string) as time_in_force,
        cast(price as decimal(18, 4)) as price,
        cast(quantity as bigint) as quantity,
        cast(reason as string) as reason,
        cast(event_time as timestamp) as event_time,
        cast(kafka_partition as int) as kafka_partition,
        cast(kafka_offset as bigint) as kafka_offset,
        cast(kafka_time as timestamp) as kafka_time
    from raw
)

select * from final
