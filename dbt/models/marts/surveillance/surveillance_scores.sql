-- An alert counts under the scenario of the episode that it speaks of, and under `none` where it speaks of none. The
-- scenario `all` has all of them.
with

matches as (
    select * from {{ ref('int_alert_matches') }}
),

episodes as (
    select * from {{ ref('stg_market__ground_truth') }}
),

-- The earliest right alert of each episode.
found as (
    select
        episode_id,
        min(alerted_at) as alerted_at
    from matches
    where is_of_kind
    group by episode_id
),

judged_episodes as (
    select
        episodes.kind,
        episodes.scenario,
        episodes.intensity >= 0.5 as is_blatant,
        found.episode_id is not null as is_found,
        (unix_micros(found.alerted_at) - unix_micros(episodes.began_at)) / 1000000.0d as delay_seconds
    from episodes
    left join found on episodes.episode_id = found.episode_id
),

-- One row an alert: it may touch two episodes, and is right if it is right about one.
judged_alerts as (
    select
        alert_id,
        rule as kind,
        coalesce(max(scenario) filter (where is_of_kind), max(scenario), 'none') as scenario,
        max(is_of_kind) as is_true,
        max(episode_id is not null) as is_about_an_episode
    from matches
    group by alert_id, rule
),

by_scenario_too as (
    select
        kind,
        scenario,
        is_blatant,
        is_found,
        delay_seconds
    from judged_episodes
    union all
    select
        kind,
        'all' as scenario,
        is_blatant,
        is_found,
        delay_seconds
    from judged_episodes
),

alerts_by_scenario_too as (
    select
        kind,
        scenario,
        is_true,
        is_about_an_episode
    from judged_alerts
    union all
    select
        kind,
        'all' as scenario,
        is_true,
        is_about_an_episode
    from judged_alerts
),

recalls as (
    select
        kind,
        scenario,
        count(*) as episodes,
        count_if(is_found) as found,
        count_if(is_blatant) as blatant_episodes,
        count_if(is_blatant and is_found) as blatant_found,
        percentile(delay_seconds, 0.5) as median_delay_seconds
    from by_scenario_too
    group by kind, scenario
),

precisions as (
    select
        kind,
        scenario,
        count(*) as alerts,
        count_if(is_true) as true_alerts,
        count_if(is_about_an_episode and not is_true) as misnamed_alerts
    from alerts_by_scenario_too
    group by kind, scenario
),

joined as (
    select
        coalesce(recalls.kind, precisions.kind) as kind,
        coalesce(recalls.scenario, precisions.scenario) as scenario,
        coalesce(recalls.episodes, 0) as episodes,
        coalesce(recalls.found, 0) as found,
        coalesce(recalls.blatant_episodes, 0) as blatant_episodes,
        coalesce(recalls.blatant_found, 0) as blatant_found,
        coalesce(precisions.alerts, 0) as alerts,
        coalesce(precisions.true_alerts, 0) as true_alerts,
        coalesce(precisions.misnamed_alerts, 0) as misnamed_alerts,
        recalls.median_delay_seconds
    from recalls
    full outer join precisions
        on
            recalls.kind = precisions.kind
            and recalls.scenario = precisions.scenario
),

final as (
    select
        kind,
        scenario,
        episodes,
        found,
        blatant_episodes,
        blatant_found,
        alerts,
        true_alerts,
        misnamed_alerts,
        case when alerts > 0 then true_alerts / cast(alerts as double) end as alert_precision,
        case when episodes > 0 then found / cast(episodes as double) end as recall,
        case when blatant_episodes > 0 then blatant_found / cast(blatant_episodes as double) end as blatant_recall,
        median_delay_seconds
    from joined
)

select * from final
