select
    id, topic, partition, message_offset, reason, detail, payload, (extract(epoch from event_time) * 1000000)::bigint
from ledger.dead_letters
where id > %(after)s
order by id
limit %(count)s
