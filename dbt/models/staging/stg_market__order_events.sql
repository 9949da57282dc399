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
        cast(stop_price as decimal(18, 4)) as stop_price,
        cast(display_quantity as bigint) as display_quantity,
        cast(quantity as bigint) as quantity,
        cast(expire_time as timestamp) as expire_time,
        -- The topic says it only where it is true.
        case when event = 'accepted' then coalesce(post_only, false) end as post_only,
        cast(self_trade_prevention as string) as self_trade_prevention,
        cast(reason as string) as reason,
        cast(orders as bigint) as order_count,
        cast(event_time as timestamp) as event_time,
        cast(kafka_partition as int) as kafka_partition,
        cast(kafka_offset as bigint) as kafka_offset,
        cast(kafka_time as timestamp) as kafka_time
    from raw
)

select * from final
