select trader_id, asset, balance
from ledger.trader_balances
where trader_id = any(%(traders)s)
