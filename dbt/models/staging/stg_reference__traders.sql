with

raw as (
    select * from {{ source('reference', 'traders') }}
),

final as (
    select
        cast(trader_id as bigint) as trader_id,
        cast(name as string) as trader_name,
        cast(email as string) as email,
        cast(kind as string) as kind,
        cast(risk_profile as string) as risk_profile,
        cast(cash as decimal(38, 4)) as endowed_cash,
        cast(shares as bigint) as endowed_shares
    from raw
)

select * from final
