copy (
    select
        sequence, action_id, symbol, kind, ex_date::text as ex_date, status, reason, numerator, denominator, amount,
        close_price, adjusted_price, (extract(epoch from event_time) * 1000000)::bigint as event_time
    from ledger.corporate_actions
) to stdout (format csv, header)
