select check_name, stores, detail
from reconciliation.differences
where run_id = %(run_id)s
order by check_name, number
limit %(number)s
