-- The measure of a day's close is a forecast for the next day.
with

returns as (
    select * from {{ ref('portfolio_returns') }}
),

measures as (
    select
        trader_id,
        trading_date,
        daily_return,
        explode(
            array(
                {% for method, prefix in [('historical', ''), ('normal', 'normal_'), ('ewma', 'ewma_')] %}
                    {% set method_is_last = loop.last %}
                    {% for confidence in [95, 99] %}
                        named_struct(
                            'method', '{{ method }}',
                            'confidence', {{ confidence }},
                            'value', {{ prefix }}value_at_risk_{{ confidence }}
                        ){{ "," if not (method_is_last and loop.last) }}
                    {% endfor %}
                {% endfor %}
            )
        ) as measure
    from returns
),

forecasts as (
    select
        trader_id,
        measure.method,
        measure.confidence,
        trading_date,
        daily_return,
        lag(measure.value) over (
            partition by trader_id, measure.method, measure.confidence
            order by trading_date
        ) as value_at_risk
    from measures
),

judged as (
    select
        trader_id,
        method,
        confidence,
        trading_date,
        daily_return < -value_at_risk as is_exception
    from forecasts
    where daily_return is not null and value_at_risk is not null
),

followed as (
    select
        *,
        lag(is_exception) over (
            partition by trader_id, method, confidence
            order by trading_date
        ) as was_exception
    from judged
),

counted as (
    select
        trader_id,
        method,
        confidence,
        (100 - confidence) / 100d as chance,
        count(*) as days,
        count_if(is_exception) as exceptions,
        count_if(not was_exception and not is_exception) as calm_then_calm,
        count_if(not was_exception and is_exception) as calm_then_exception,
        count_if(was_exception and not is_exception) as exception_then_calm,
        count_if(was_exception and is_exception) as exception_then_exception
    from followed
    group by trader_id, method, confidence
),

likelihoods as (
    select
        *,
        {{ log_likelihood('exceptions', 'days - exceptions', 'chance') }} as expected_likelihood,
        {{ log_likelihood('exceptions', 'days - exceptions') }} as found_likelihood,
        {{
            log_likelihood('calm_then_exception + exception_then_exception', 'calm_then_calm + exception_then_calm')
        }} as independent_likelihood,
        {{ log_likelihood('calm_then_exception', 'calm_then_calm') }}
        + {{ log_likelihood('exception_then_exception', 'exception_then_calm') }} as dependent_likelihood
    from counted
),

-- Rounding may leave a little below zero.
ratios as (
    select
        *,
        greatest(2 * (found_likelihood - expected_likelihood), 0) as kupiec,
        greatest(2 * (dependent_likelihood - independent_likelihood), 0) as independence
    from likelihoods
),

final as (
    select
        trader_id,
        method,
        cast(confidence as bigint) as confidence,
        days,
        exceptions,
        days * chance as expected_exceptions,
        exception_then_exception as consecutive_exceptions,
        kupiec,
        {{ chi_square_tail('kupiec') }} as kupiec_p,
        independence,
        {{ chi_square_tail('independence') }} as independence_p,
        kupiec + independence as conditional_coverage,
        exp(-(kupiec + independence) / 2) as conditional_coverage_p
    from ratios
)

select * from final
