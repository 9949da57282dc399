-- What is averaged is rounded to 1/1,000,000 basis point first, and summed as decimals: the sum of doubles would depend
-- on the order in which Spark adds them.
{% set days = days_to_build() %}
{% set midpoint = "cast((quote.bid_price + quote.ask_price) / 2 as double)" %}
{% set midpoint_later = "cast((later.bid_price + later.ask_price) / 2 as double)" %}
{% set spread_units = units("(quote.ask_price - quote.bid_price)") %}
{% set sign = "case aggressor_side when 'buy' then 1 else -1 end" %}
with

symbol_days as (
    select * from {{ ref('int_symbol_days') }}
    where {{ is_built('trading_date', days) }}
),

prices as (
    select
        *,
        {{ new_york_date('event_time') }} as trading_date
    from {{ ref('stg_market__prices') }}
    where {{ is_built_at('event_time', days) }}
),

trades as (
    select
        *,
        {{ new_york_date('event_time') }} as trading_date
    from {{ ref('stg_market__trades') }}
    where
        -- In an auction there is no quote, and nobody takes.
        aggressor_side != 'none'
        and {{ is_built_at('event_time', days) }}
),

day_rows as (
    select * from {{ ref('stg_market__day_rows') }}
),

-- A quote stands until the next, and the day's last until the close. One without both sides is a quote too: it ends the
-- one before.
quotes as (
    select
        prices.symbol,
        prices.trading_date,
        prices.last_sequence,
        prices.event_time,
        named_struct('bid_price', prices.bid_price, 'ask_price', prices.ask_price) as quote,
        unix_micros(
            coalesce(lead(prices.event_time) over by_sequence, symbol_days.closed_at, prices.event_time)
        ) - unix_micros(prices.event_time) as stood,
        max(prices.event_time) over (partition by prices.symbol, prices.trading_date) as last_time
    from prices
    inner join symbol_days
        on
            prices.symbol = symbol_days.symbol
            and prices.trading_date = symbol_days.trading_date
    where
        prices.event_time >= symbol_days.opened_at
        and prices.event_time < coalesce(symbol_days.closed_at, prices.event_time + interval 1 second)
    window by_sequence as (
        partition by prices.symbol, prices.trading_date
        order by prices.last_sequence, prices.event_time
    )
),

quoted as (
    select
        symbol,
        trading_date,
        {{ divide_half_up("sum(" ~ spread_units ~ " * stood)", "sum(stood)") }} as spread,
        cast(
            sum(
                cast(10000 * cast(quote.ask_price - quote.bid_price as double) / {{ midpoint }} as decimal(18, 6))
                * stood
            ) as double
        ) / sum(stood) as spread_bps
    from quotes
    where quote.bid_price is not null and quote.ask_price is not null
    group by symbol, trading_date
),

-- Before a trade: by the feed's sequence, as the quote after it has its time too.
by_sequence as (
    select
        symbol,
        trading_date,
        last_sequence as sequence,
        true as is_quote,
        event_time,
        quote,
        last_time,
        cast(null as decimal(18, 4)) as price,
        cast(null as bigint) as quantity,
        cast(null as string) as aggressor_side
    from quotes
    union all
    select
        symbol,
        trading_date,
        sequence,
        false as is_quote,
        event_time,
        null as quote,
        null as last_time,
        price,
        quantity,
        aggressor_side
    from trades
),

with_quotes as (
    select
        *,
        last_value(quote) ignore nulls over (
            partition by symbol, trading_date
            order by sequence, is_quote, event_time
            rows between unbounded preceding and current row
        ) as quote_before
    from by_sequence
),

-- Five minutes after a trade: by the time.
by_time as (
    select
        *,
        case when is_quote then event_time else event_time + interval 5 minutes end as moment
    from with_quotes
),

with_later_quotes as (
    select
        *,
        last_value(quote) ignore nulls over up_to_then as quote_then,
        last_value(last_time) ignore nulls over up_to_then as known_until
    from by_time
    window up_to_then as (
        partition by symbol, trading_date
        order by moment, not is_quote, sequence
        rows between unbounded preceding and current row
    )
),

measured as (
    select
        symbol,
        trading_date,
        price,
        quantity,
        aggressor_side,
        quote_before as quote,
        case when moment <= known_until then quote_then end as later
    from with_later_quotes
    where not is_quote
),

costs as (
    select
        symbol,
        trading_date,
        quantity,
        cast(
            20000 * {{ sign }} * (cast(price as double) - {{ midpoint }}) / {{ midpoint }} as decimal(18, 6)
        ) as effective,
        cast(
            20000 * {{ sign }} * (cast(price as double) - {{ midpoint_later }}) / {{ midpoint }} as decimal(18, 6)
        ) as realised,
        cast(
            20000 * {{ sign }} * ({{ midpoint_later }} - {{ midpoint }}) / {{ midpoint }} as decimal(18, 6)
        ) as impact
    from measured
),

traded as (
    select
        symbol,
        trading_date,
        count(effective) as measured_trades,
        cast(sum(effective * quantity) as double) / sum(quantity) filter (where effective is not null) as effective,
        cast(sum(realised * quantity) as double) / sum(quantity) filter (where realised is not null) as realised,
        cast(sum(impact * quantity) as double) / sum(quantity) filter (where impact is not null) as impact
    from costs
    group by symbol, trading_date
),

final as (
    select
        symbol_days.symbol,
        symbol_days.trading_date,
        cast({{ dollars('quoted.spread') }} as decimal(18, 4)) as quoted_spread,
        quoted.spread_bps as quoted_spread_bps,
        traded.effective as effective_spread_bps,
        traded.realised as realised_spread_bps,
        traded.impact as price_impact_bps,
        coalesce(traded.measured_trades, 0) as measured_trades,
        coalesce(day_rows.source_rows, 0) as source_rows
    from symbol_days
    left join quoted
        on
            symbol_days.symbol = quoted.symbol
            and symbol_days.trading_date = quoted.trading_date
    left join traded
        on
            symbol_days.symbol = traded.symbol
            and symbol_days.trading_date = traded.trading_date
    left join day_rows
        on symbol_days.trading_date = day_rows.event_date
)

select * from final
