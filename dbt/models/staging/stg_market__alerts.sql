with

raw as (
    select * from {{ source('market', 'alerts') }}
),

final as (
    select
        cast(alert_id as string) as alert_id,
        cast(rule as string) as rule,
        cast(symbol as string) as symbol,
        cast(score as double) as score,
        cast(threshold as double) as threshold,
        cast(price as decimal(18, 4)) as price,
        cast(event_time as timestamp) as event_time
    from raw
)

select * from final
