select coalesce(trades.trade_id, entries.trade_id)
from ledger.trades
full join (select trade_id from ledger.journal_entries where trade_id is not null) as entries using (trade_id)
where trades.trade_id is null or entries.trade_id is null
