-- Iceberg's own statistics tell, no data is read. A partition is a day of UTC, and a trading day lies within one.
{{ config(materialized='table', schema='staging') }}
with

raw as (
    {% for name in ['order_events', 'trades', 'prices', 'book_snapshots', 'market_status', 'bars_1m'] %}
        select
            partition.event_time_day as event_date,
            record_count
        from {{ source('market', name) }}.partitions
        {{ "union all" if not loop.last }}
    {% endfor %}
),

final as (
    select
        event_date,
        sum(record_count) as source_rows
    from raw
    group by event_date
)

select * from final
