with

raw as (
    select * from {{ source('market', 'dead_letters') }}
),

final as (
    select
        cast(topic as string) as topic,
        cast(raw.partition as int) as topic_partition,
        cast(raw.offset as bigint) as topic_offset,
        cast(reason as string) as reason,
        cast(detail as string) as detail,
        payload,
        cast(event_time as timestamp) as event_time,
        cast(kafka_partition as int) as kafka_partition,
        cast(kafka_offset as bigint) as kafka_offset,
        cast(kafka_time as timestamp) as kafka_time
    from raw
)

select * from final
