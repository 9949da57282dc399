select
    runs.run_id,
    runs.ended_at,
    runs.origin,
    runs.passed,
    runs.seconds::float8 as seconds,
    (select count(*) from jsonb_object_keys(runs.cut)) as symbols,
    (
        select coalesce(sum(last_of.sequence::bigint), 0)::bigint
        from jsonb_each_text(runs.cut) as last_of (symbol, sequence)
    ) as events,
    coalesce(array_agg(checks.check_name order by checks.check_name) filter (where not checks.passed), '{}') as failed,
    coalesce(sum(checks.differences), 0)::bigint as differences
from reconciliation.runs
left join reconciliation.checks using (run_id)
group by runs.run_id
order by runs.run_id desc
limit %(number)s
