{# `expression` is true of every row; not known (NULL) counts as not true. #}
{% test always(model, expression) %}
    select *
    from {{ model }}
    where not coalesce({{ expression }}, false)
{% endtest %}
