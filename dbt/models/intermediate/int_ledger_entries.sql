-- The only reader of the portfolio updates, so that everything built on it is of one moment. The two legs of a trade
-- reach the table apart: an entry whose legs do not balance yet is left to the next run.
with

updates as (
    select * from {{ ref('stg_market__portfolio_updates') }}
),

trading_days as (
    select * from {{ ref('int_trading_days') }}
),

symbol_days as (
    select * from {{ ref('int_symbol_days') }}
),

classified as (
    select
        *,
        entry_id like 'endowment-%' as is_endowment,
        trade_id is null and entry_id not like 'endowment-%' as is_corporate_action,
        {{ new_york_date('event_time') }} as entry_date
    from updates
),

balanced as (
    select trade_id
    from classified
    where trade_id is not null
    group by trade_id
    having sum(cash_change) = 0 and sum(quantity_change) = 0
),

-- What happens outside trading days (endowments, before the first) counts on the next one.
entry_days as (
    select
        dates.entry_date,
        min(trading_days.trading_date) as trading_date
    from (select distinct entry_date from classified) as dates
    inner join trading_days
        on dates.entry_date <= trading_days.trading_date
    group by dates.entry_date
),

final as (
    select
        classified.trader_id,
        classified.sequence,
        classified.entry_id,
        classified.is_endowment,
        classified.is_corporate_action,
        classified.symbol,
        entry_days.trading_date,
        classified.cash_change,
        classified.quantity_change,
        case
            when classified.is_endowment and classified.symbol is not null
                then cast(symbol_days.reference_price * classified.quantity_change as decimal(38, 4))
            when classified.is_endowment or classified.is_corporate_action then cast(0 as decimal(38, 4))
            else cast(-classified.cash_change as decimal(38, 4))
        end as cost,
        classified.event_time
    from classified
    inner join entry_days
        on classified.entry_date = entry_days.entry_date
    left join balanced
        on classified.trade_id = balanced.trade_id
    left join symbol_days
        on
            classified.symbol = symbol_days.symbol
            and entry_days.trading_date = symbol_days.trading_date
    where classified.trade_id is null or balanced.trade_id is not null
)

select * from final
