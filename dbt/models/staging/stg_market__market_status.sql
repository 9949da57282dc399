with

raw as (
    select * from {{ source('market', 'market_status') }}
),

final as (
    select
        cast(sequence as bigint) as sequence,
        cast(symbol as string) as symbol,
        cast(session as string) as session,
        cast(trading_date as date) as trading_date,
        cast(halt as string) as halt,
        cast(limit_state as string) as limit_state,
        cast(reference_price as decimal(18, 4)) as reference_price,
        cast(lower_price as decimal(18, 4)) as lower_price,
        cast(upper_price as decimal(18, 4)) as upper_price,
        cast(band_reference_price as decimal(18, 4)) as band_reference_price,
        cast(lower_band_price as decimal(18, 4)) as lower_band_price,
        cast(upper_band_price as decimal(18, 4)) as upper_band_price,
        cast(auction_price as decimal(18, 4)) as auction_price,
        cast(auction_quantity as bigint) as auction_quantity,
        cast(event_time as timestamp) as event_time,
        cast(kafka_partition as int) as kafka_partition,
        cast(kafka_offset as bigint) as kafka_offset,
        cast(kafka_time as timestamp) as kafka_time
    from raw
)

select * from final
