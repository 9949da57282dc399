-- One row an asset: what all postings sum to, what traders hold, what the house holds.
with moved as (
    select accounts.asset, sum(postings.amount) as posted
    from ledger.postings
    inner join ledger.accounts using (account_id)
    group by accounts.asset
),

held as (
    select
        accounts.asset,
        coalesce(sum(balances.balance) filter (where accounts.trader_id is not null), 0) as by_traders,
        coalesce(sum(balances.balance) filter (where accounts.house is not null), 0) as by_house
    from ledger.accounts
    left join ledger.balances using (account_id)
    group by accounts.asset
)

select held.asset, coalesce(moved.posted, 0)::bigint, held.by_traders::bigint, held.by_house::bigint
from held
left join moved using (asset)
order by held.asset
