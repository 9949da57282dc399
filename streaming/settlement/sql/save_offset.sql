insert into ledger.consumer_offsets (consumer_group, topic, partition, next_offset)
values (%s, %s, %s, %s)
on conflict (consumer_group, topic, partition) do update set next_offset = excluded.next_offset
