select account_id, trader_id, house, asset, coalesce(balance, 0)
from ledger.accounts
left join ledger.balances using (account_id)
