select partition, next_offset
from ledger.consumer_offsets
where consumer_group = 'settlement' and topic = 'trades'
