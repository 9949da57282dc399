{# The schema as it is written (`marts`), without the target's schema before it, and with `_audit` behind it: nobody reads
   what is built here until it is published (lakehouse/publication.py). #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}_audit
{%- endmacro %}
