-- How far the ledger is, by its tables' own counters: no counting of rows.
SELECT
    (SELECT coalesce(max(entry_number), 0) FROM ledger.journal_entries) AS entries,
    (SELECT coalesce(max(id), 0) FROM ledger.outbox) AS updates,
    (SELECT count(*) FROM reference.users) AS users,
    (SELECT count(*) FROM reference.instruments) AS instruments,
    (SELECT count(*) FROM ledger.breaches) AS breaches
