with

raw as (
    select * from {{ source('market', 'alerts') }}
),

-- A surveillance job that starts without its checkpoint says its alerts again: the first of each counts.
numbered as (
    select
        *,
        row_number() over (partition by alert_id order by kafka_partition, kafka_offset) as time_said
    from raw
),

final as (
    select
        cast(alert_id as string) as alert_id,
        cast(rule as string) as rule,
        cast(symbol as string) as symbol,
        cast(trader_ids as array<bigint>) as trader_ids,
        cast(order_ids as array<bigint>) as order_ids,
        cast(begin as timestamp) as began_at,
        cast(`end` as timestamp) as ended_at,
        cast(score as double) as score,
        cast(threshold as double) as threshold,
        cast(price as decimal(18, 4)) as price,
        cast(event_time as timestamp) as event_time
    from numbered
    where time_said = 1
)

select * from final
