{# The schema as it is written (`marts`), without the target's schema before it: one lake, one place for each name. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
