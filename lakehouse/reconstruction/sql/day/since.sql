-- The time from which all events are needed: of the oldest of the books that were told last before the day; nothing
-- where there is none.
SELECT unix_micros(min(told_at)) AS since
FROM (
    SELECT max(event_time) AS told_at
    FROM lake.market.book_snapshots
    WHERE event_time < :begins AND (:symbol IS NULL OR symbol = :symbol)
    GROUP BY symbol
) AS told
