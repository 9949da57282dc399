{# What a table promises, in one scan: rows that differ in `key`, no NULL in `required`, `expression` true of each. #}
{% test sound_rows(model, key, required, expression) %}
    select *
    from (
        select
            *,
            count(*) over (partition by {{ key | join(", ") }}) as copies
        from {{ model }}
    ) as counted
    where
        copies > 1
        or not coalesce({{ expression }}, false)
        {% for column in required %}
            or {{ column }} is null
        {% endfor %}
{% endtest %}
