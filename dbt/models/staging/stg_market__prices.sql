with

raw as (
    select * from {{ source('market', 'prices') }}
),

final as (
    select
        cast(symbol as string) as symbol,
        cast(last_sequence as bigint) as last_sequence,
        cast(last_price as decimal(18, 4)) as last_price,
        cast(bid_price as decimal(18, 4)) as bid_price,
        cast(bid_quantity as bigint) as bid_quantity,
        cast(ask_price as decimal(18, 4)) as ask_price,
        cast(ask_quantity as bigint) as ask_quantity,
        cast(indicative_price as decimal(18, 4)) as indicative_price,
        cast(indicative_quantity as bigint) as indicative_quantity,
        cast(volume as bigint) as volume,
        cast(event_time as timestamp) as event_time,
        cast(kafka_partition as int) as kafka_partition,
        cast(kafka_offset as bigint) as kafka_offset,
        cast(kafka_time as timestamp) as kafka_time
    from raw
)

select * from final
