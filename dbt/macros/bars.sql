{# One bar for each symbol and window of `trades`, a relation with symbol, trading_date, window_start, window_end (NULL
   while it is not known), sequence, event_time, price and quantity. A price weighs, in twap, the time that it stood: from
   its trade to the next of the window, and the last to the window's end. #}
{% macro bars(trades) %}
    select
        symbol,
        trading_date,
        window_start,
        min_by(price, sequence) as open,
        max(price) as high,
        min(price) as low,
        max_by(price, sequence) as close,
        sum(quantity) as volume,
        sum(cast(price * quantity as decimal(38, 4))) as turnover,
        cast(
            {{ dollars(divide_half_up("sum(" ~ units("price") ~ " * quantity)", "sum(quantity)")) }} as decimal(18, 4)
        ) as vwap,
        -- Where no time passed, there is nothing to weigh: the last price.
        coalesce(
            cast(
                {{ dollars(divide_half_up("sum(" ~ units("price") ~ " * stood)", "sum(stood)")) }} as decimal(18, 4)
            ),
            max_by(price, sequence)
        ) as twap,
        count(*) as trades
    from (
        select
            *,
            unix_micros(coalesce(lead(event_time) over by_window, greatest(window_end, event_time)))
            - unix_micros(event_time) as stood
        from {{ trades }}
        window by_window as (
            partition by symbol, trading_date, window_start
            order by sequence
        )
    ) as standing
    group by symbol, trading_date, window_start
{% endmacro %}
