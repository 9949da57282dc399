{# Money in whole units of 1/10,000 dollar, for arithmetic that must not round on its way. #}
{% macro units(amount) -%}
    cast({{ amount }} * 10000 as decimal(38, 0))
{%- endmacro %}

{# What `units` made, as dollars again. #}
{% macro dollars(amount) -%}
    cast(cast({{ amount }} as decimal(34, 0)) * cast(0.0001 as decimal(4, 4)) as decimal(38, 4))
{%- endmacro %}

{# The quotient of two whole numbers, none below zero, rounded half up, once. NULL where the divisor is zero. Spark's
   `div` gives 64 bits, so what the divisor leaves over is taken off, and then `/` is exact. #}
{% macro divide_half_up(dividend, divisor) -%}
    {%- set doubled = "(2 * cast(" ~ dividend ~ " as decimal(38, 0)) + " ~ divisor ~ ")" -%}
    cast(({{ doubled }} - {{ doubled }} % (2 * {{ divisor }})) / (2 * {{ divisor }}) as decimal(38, 0))
{%- endmacro %}

{# What average cost takes away for the shares of `entry` (a sale), out of what is `held` before it. #}
{% macro cost_of_sold(held, entry) -%}
    {{ divide_half_up(held ~ ".cost * -" ~ entry ~ ".quantity", held ~ ".shares") }}
{%- endmacro %}

{# Where a split leaves the end of a lot: so many shares after those that were sold before it, rounded down. #}
{% macro after_split(place) -%}
    split.place + ({{ place }} - split.place) * split.after div split.before
{%- endmacro %}
