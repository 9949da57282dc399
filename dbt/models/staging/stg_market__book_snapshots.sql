with

raw as (
    select * from {{ source('market', 'book_snapshots') }}
),

final as (
    select
        cast(symbol as string) as symbol,
        cast(last_sequence as bigint) as last_sequence,
        cast(part as int) as part,
        cast(parts as int) as parts,
        orders,
        cast(event_time as timestamp) as event_time,
        cast(kafka_partition as int) as kafka_partition,
        cast(kafka_offset as bigint) as kafka_offset,
        cast(kafka_time as timestamp) as kafka_time
    from raw
)

select * from final
