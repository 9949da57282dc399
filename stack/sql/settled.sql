select
    count(*) as trades,
    coalesce(extract(epoch from max(settled_at) - min(settled_at)), 0)::double precision as seconds
from ledger.trades
