select last_of.symbol, max(last_of.sequence::bigint)
from reconciliation.runs
cross join lateral jsonb_each_text(runs.cut) as last_of (symbol, sequence)
where runs.passed
group by last_of.symbol
