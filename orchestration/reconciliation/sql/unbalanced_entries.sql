select postings.entry_number, accounts.asset, sum(postings.amount)::bigint
from ledger.postings
left join ledger.accounts using (account_id)
group by postings.entry_number, accounts.asset
having sum(postings.amount) <> 0 or accounts.asset is null
