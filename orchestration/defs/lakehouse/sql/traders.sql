-- What a trader was given at first is in the ledger: the endowments, the same number of shares of every instrument.
SELECT
    users.trader_id,
    users.name,
    users.email,
    users.kind,
    users.risk_profile,
    coalesce(max(outbox.cash_change), 0)::numeric / 10000 AS cash,
    coalesce(max(outbox.quantity_change), 0) AS shares
FROM reference.users AS users
LEFT JOIN ledger.outbox AS outbox
    ON users.trader_id = outbox.trader_id AND outbox.entry_id LIKE 'endowment-%'
GROUP BY users.trader_id
ORDER BY users.trader_id
