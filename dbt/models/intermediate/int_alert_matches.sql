-- An alert speaks of an episode where both are about an account and a symbol, and their times overlap; a minute is
-- allowed on either side.
with

alerts as (
    select * from {{ ref('stg_market__alerts') }}
    -- The others speak of a price, not of an account.
    where size(trader_ids) > 0
),

episodes as (
    select * from {{ ref('stg_market__ground_truth') }}
),

final as (
    select
        alerts.alert_id,
        alerts.rule,
        alerts.symbol,
        alerts.event_time as alerted_at,
        episodes.episode_id,
        episodes.kind,
        episodes.scenario,
        episodes.began_at as episode_began_at,
        coalesce(alerts.rule = episodes.kind, false) as is_of_kind
    from alerts
    left join episodes
        on
            alerts.symbol = episodes.symbol
            and arrays_overlap(alerts.trader_ids, episodes.trader_ids)
            and alerts.began_at <= episodes.ended_at + interval 1 minute
            and episodes.began_at <= alerts.ended_at + interval 1 minute
)

select * from final
