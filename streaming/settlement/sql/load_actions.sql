select
    sequence, action_id, symbol, kind, ex_date::text, status, reason, numerator, denominator, amount, close_price,
    adjusted_price, (extract(epoch from event_time) * 1000000)::bigint
from ledger.corporate_actions
