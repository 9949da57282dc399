with

raw as (
    select * from {{ source('market', 'ground_truth') }}
),

final as (
    select
        cast(episode_id as string) as episode_id,
        cast(kind as string) as kind,
        cast(symbol as string) as symbol,
        cast(trader_ids as array<bigint>) as trader_ids,
        cast(begin as timestamp) as began_at,
        cast(`end` as timestamp) as ended_at,
        cast(intensity as double) as intensity,
        cast(scenario as string) as scenario,
        cast(event_time as timestamp) as event_time,
        cast(kafka_partition as int) as kafka_partition,
        cast(kafka_offset as bigint) as kafka_offset,
        cast(kafka_time as timestamp) as kafka_time
    from raw
)

select * from final
