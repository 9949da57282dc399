insert into ledger.corporate_actions (
    sequence, action_id, symbol, kind, ex_date, status, reason, numerator, denominator, amount, close_price,
    adjusted_price, event_time
)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, timestamptz 'epoch' + %s * interval '1 microsecond')
