{# The standard normal quantile at a confidence of 95 or 99 %, z, to the last digit of a double. Spark has none. #}
{% macro normal_quantile(confidence) -%}
    {{ {95: "1.6448536269514729d", 99: "2.3263478740408408d"}[confidence] }}
{%- endmacro %}

{# The mean of a standard normal beyond that quantile: density(z) / (1 - confidence). #}
{% macro normal_tail_mean(confidence) -%}
    {{ {95: "2.0627128075074253d", 99: "2.665214220345808d"}[confidence] }}
{%- endmacro %}

{# The mean loss of the returns up to the order statistic that the quantile of `chance` begins at, of an array that rises. #}
{% macro mean_loss_of_worst(returns, chance) -%}
    {%- set count = "(cast(floor((size(" ~ returns ~ ") - 1) * " ~ chance ~ ") as int) + 1)" -%}
    aggregate(slice({{ returns }}, 1, {{ count }}), 0d, (total, one) -> total - one) / {{ count }}
{%- endmacro %}

{# ln(p^hits (1 - p)^misses), p being `chance`, or else what was found: hits / (hits + misses). 0 ln 0 is 0. #}
{% macro log_likelihood(hits, misses, chance=none) -%}
    {%- set p = chance or "(" ~ hits ~ ") / cast(" ~ hits ~ " + " ~ misses ~ " as double)" -%}
    (
        case when {{ hits }} > 0 then ({{ hits }}) * ln({{ p }}) else 0d end
        + case when {{ misses }} > 0 then ({{ misses }}) * ln(1 - {{ p }}) else 0d end
    )
{%- endmacro %}

{# The chance that a chi-square of one degree of freedom exceeds `ratio`, which is not below zero: 1 - erf(x) with
   x^2 = ratio / 2. Spark has no erf; its series erf(x) = 2/sqrt(pi) e^-x^2 (x + 2 x^3/3 + 4 x^5/15 + ...) has no terms below
   zero (Abramowitz and Stegun 1964, 7.1.6). Beyond a ratio of 80 the chance is 0 within a double's precision. #}
{% macro chi_square_tail(ratio) -%}
    greatest(
        0d,
        1 - sqrt(2 * least({{ ratio }}, 80) / pi()) * exp(-least({{ ratio }}, 80) / 2) * aggregate(
            sequence(1, 250),
            named_struct('term', 1d, 'total', 1d),
            (series, n) -> named_struct(
                'term', series.term * least({{ ratio }}, 80) / (2 * n + 1),
                'total', series.total + series.term * least({{ ratio }}, 80) / (2 * n + 1)
            ),
            series -> series.total
        )
    )
{%- endmacro %}
