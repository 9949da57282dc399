with

raw as (
    select * from {{ source('market', 'trades') }}
),

final as (
    select
        cast(sequence as bigint) as sequence,
        cast(trade_id as string) as trade_id,
        cast(symbol as string) as symbol,
        cast(price as decimal(18, 4)) as price,
        cast(quantity as bigint) as quantity,
        cast(maker_order_id as bigint) as maker_order_id,
        cast(taker_order_id as bigint) as taker_order_id,
        cast(buy_order_id as bigint) as buy_order_id,
        cast(sell_order_id as bigint) as sell_order_id,
        cast(buyer_id as bigint) as buyer_id,
        cast(seller_id as bigint) as seller_id,
        cast(aggressor_side as string) as aggressor_side,
        cast(event_time as timestamp) as event_time,
        cast(kafka_partition as int) as kafka_partition,
        cast(kafka_offset as bigint) as kafka_offset,
        cast(kafka_time as timestamp) as kafka_time
    from raw
)

select * from final
