insert into ledger.dead_letters (
    id, topic, partition, message_offset, item, reason, detail, payload, event_time
)
values (%s, %s, %s, %s, %s, %s, %s, %s, timestamptz 'epoch' + %s * interval '1 microsecond')
