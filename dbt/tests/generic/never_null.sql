{# No row has NULL in any of `columns`: one scan for all of them. Overflow and division by zero give NULL in dbt's
   Spark, so this guards the arithmetic too. #}
{% test never_null(model, columns) %}
    select *
    from {{ model }}
    where
        {% for column in columns %}
            {{ column }} is null{{ " or" if not loop.last }}
        {% endfor %}
{% endtest %}
