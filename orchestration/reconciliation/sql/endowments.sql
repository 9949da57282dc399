copy (
    select accounts.trader_id, accounts.asset, sum(postings.amount)::bigint as amount
    from ledger.journal_entries as entries
    inner join ledger.postings using (entry_number)
    inner join ledger.accounts using (account_id)
    where entries.entry_id like 'endowment-%' and accounts.trader_id is not null
    group by accounts.trader_id, accounts.asset
) to stdout (format csv, header)
