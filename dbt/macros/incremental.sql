{# The trading days that this run builds of an incremental model; none stands for all of them: at first, and with
   --full-refresh. Otherwise those that the variable `trading_days` names, or, where it names none, those of which the
   raw tables hold another number of rows than the model was built from. The raw tables are only appended to, so an equal
   number says that nothing was added. The model has to have the columns trading_date and source_rows. #}
{% macro days_to_build() %}
    {%- set raw = ref('stg_market__day_rows') -%}
    {%- if not is_incremental() -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set named = var('trading_days') -%}
    {%- for day in named if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', day | string) -%}
        {{ exceptions.raise_compiler_error("trading_days: " ~ day ~ " is not a date such as 2026-01-05") }}
    {%- endfor -%}
    {%- if named -%}
        {{ return(named | map('string') | list) }}
    {%- endif -%}
    {%- set grown -%}
        select cast(raw.event_date as string) as trading_date
        from {{ raw }} as raw
        left join (
            select
                trading_date,
                min(source_rows) as source_rows
            from {{ this }}
            group by trading_date
        ) as built
            on raw.event_date = built.trading_date
        where raw.source_rows is distinct from built.source_rows
        order by trading_date
    {%- endset -%}
    {{ return(run_query(grown).columns[0].values() | list) }}
{% endmacro %}

{# Whether `date` is one of the `days` that days_to_build gave. #}
{% macro is_built(date, days) -%}
    {%- if days is none -%}
        true
    {%- elif not days -%}
        false
    {%- else -%}
        {{ date }} in ({% for day in days %}date '{{ day }}'{{ ", " if not loop.last }}{% endfor %})
    {%- endif -%}
{%- endmacro %}

{# The same of the New York date of a `moment`, said so that Iceberg reads no other day's files. #}
{% macro is_built_at(moment, days) -%}
    {%- if days -%}
        (
            {%- for day in days %}
            (
                {{ moment }} >= to_utc_timestamp(date '{{ day }}', 'America/New_York')
                and {{ moment }} < to_utc_timestamp(date '{{ day }}' + interval 1 day, 'America/New_York')
            ){{ " or" if not loop.last }}
            {%- endfor %}
        )
    {%- else -%}
        {{ is_built(moment, days) }}
    {%- endif -%}
{%- endmacro %}
