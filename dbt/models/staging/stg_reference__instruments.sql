with

raw as (
    select * from {{ source('reference', 'instruments') }}
),

final as (
    select
        cast(symbol as string) as symbol,
        cast(name as string) as instrument_name,
        cast(sector as string) as sector,
        cast(tick_size as decimal(18, 4)) as tick_size,
        cast(lot_size as bigint) as lot_size,
        cast(max_quantity as bigint) as max_quantity,
        cast(collar_bps as bigint) as collar_bps,
        cast(luld_tier as int) as luld_tier,
        cast(initial_price as decimal(18, 4)) as initial_price
    from raw
)

select * from final
