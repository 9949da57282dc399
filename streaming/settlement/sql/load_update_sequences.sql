-- A row a trader, by the unique index: outbox itself has one a trade side.
select users.trader_id, last_update.sequence
from reference.users
cross join lateral (
    select outbox.sequence
    from ledger.outbox
    where outbox.trader_id = users.trader_id
    order by outbox.sequence desc
    limit 1
) as last_update
