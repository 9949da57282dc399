-- Whether this connection now is the only one that maintains the table; its end gives the lock back.
SELECT pg_try_advisory_lock(hashtextextended('tickhouse maintenance ' || %(table)s, 0));
