{# The calendar date in New York, where the market is, of a moment in time. #}
{% macro new_york_date(moment) -%}
    to_date(from_utc_timestamp({{ moment }}, 'America/New_York'))
{%- endmacro %}
