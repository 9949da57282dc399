-- Amounts of asset USD and prices are integers of 1/10,000 dollar, amounts of any other asset whole shares.
-- Times are UTC, of the market's clock, unless a comment says otherwise.

create schema reference;
comment on schema reference is 'Who trades, and what is traded';
create schema ledger;
comment on schema ledger is 'Double-entry books, trade history and what is still to be told';

create table reference.instruments (
    symbol text primary key check (symbol ~ '^[A-Z][A-Z0-9.]{0,11}$' and symbol <> 'USD'),
    name text not null,
    sector text not null,
    tick_size bigint not null check (tick_size > 0),
    lot_size bigint not null check (lot_size > 0),
    max_quantity bigint not null check (max_quantity > 0),
    collar_bps integer not null check (collar_bps between 1 and 9999),
    luld_tier smallint not null check (luld_tier in (1, 2)),
    initial_price bigint not null check (initial_price > 0)
);
comment on table reference.instruments is 'Listed stocks';
comment on column reference.instruments.tick_size is 'Smallest price step, in 1/10,000 dollar';
comment on column reference.instruments.lot_size is 'Quantities are multiples of this many shares';
comment on column reference.instruments.max_quantity is 'Largest quantity of one order, in shares';
comment on column reference.instruments.collar_bps is
'Widest distance of an order''s price from the day''s reference price, in basis points';
comment on column reference.instruments.luld_tier is 'Tier in the NMS plan to address extraordinary volatility';
comment on column reference.instruments.initial_price is
'Reference price of the first trading day, in 1/10,000 dollar';

create table reference.users (
    trader_id bigint primary key check (trader_id > 0),
    name text not null,
    email text not null unique,
    kind text not null check (kind in ('person', 'simulated')),
    risk_profile text not null check (risk_profile in ('cautious', 'balanced', 'bold')),
    registered_at timestamptz not null default now()
);
comment on table reference.users is 'Traders and their profiles';
comment on column reference.users.kind is 'person, or simulated: driven by the buyers and sellers services';
comment on column reference.users.risk_profile is 'How bold the trader''s orders are';
comment on column reference.users.registered_at is 'Wall-clock time of the registration';

create table ledger.accounts (
    account_id bigint primary key,
    trader_id bigint references reference.users,
    house text check (house in ('issuer', 'suspense')),
    asset text not null,
    check (num_nonnulls(trader_id, house) = 1),
    unique nulls not distinct (trader_id, house, asset)
);
comment on table ledger.accounts is 'One account an owner and asset; the owner is a trader or the house';
comment on column ledger.accounts.house is
'issuer: what every endowment came from (its balance is minus the whole supply); '
'suspense: the side of a trade whose trader or symbol is unknown';
comment on column ledger.accounts.asset is 'USD, or the symbol of a stock';

create table ledger.balances (
    account_id bigint primary key references ledger.accounts,
    balance bigint not null
) with (fillfactor = 50);
comment on table ledger.balances is
'What each account holds: the sum of its postings, kept by a trigger on ledger.postings and never written otherwise. '
'A trader''s balance below zero is a breach (ledger.breaches), not an error, so that the books stay complete';

create table ledger.trades (
    trade_id text primary key,
    symbol text not null,
    sequence bigint not null check (sequence > 0),
    price bigint not null check (price > 0),
    quantity bigint not null check (quantity > 0),
    maker_order_id bigint not null,
    taker_order_id bigint not null,
    buyer_id bigint not null,
    seller_id bigint not null,
    aggressor_side text not null check (aggressor_side in ('buy', 'sell')),
    event_time timestamptz not null,
    settled_at timestamptz not null default now(),
    unique (symbol, sequence),
    check (trade_id = symbol || '-' || sequence)
);
comment on table ledger.trades is 'Trade history: every field of topic trades, once a trade';
comment on column ledger.trades.sequence is 'The symbol''s event number, shared with order-events and market-status';
comment on column ledger.trades.price is 'In 1/10,000 dollar';
comment on column ledger.trades.quantity is 'Shares';
comment on column ledger.trades.settled_at is 'Wall-clock time of the posting';

create table ledger.journal_entries (
    entry_number bigint primary key,
    entry_id text not null unique,
    trade_id text references ledger.trades,
    event_time timestamptz not null
);
comment on table ledger.journal_entries is 'What happened: a trade, or an endowment. Numbered from 1 without a gap';
comment on column ledger.journal_entries.entry_id is 'The trade id, or endowment-<trader>[-<symbol>]';

create table ledger.postings (
    entry_number bigint not null,
    line smallint not null,
    account_id bigint not null,
    amount bigint not null,
    primary key (entry_number, line)
);
comment on table ledger.postings is
'What an entry moved. The postings of an entry are written in one statement, sum to zero in every asset '
'(a trigger sees to it) and never change';

create table ledger.breaches (
    entry_id text not null,
    reason text not null check (
        reason in (
            'unknown_trader', 'unknown_symbol', 'negative_cash', 'negative_position', 'conflicting_trade'
        )
    ),
    trader_id bigint not null,
    detail text not null,
    event_time timestamptz not null,
    primary key (entry_id, reason, trader_id)
);
comment on table ledger.breaches is 'What should be impossible, kept as evidence: reconciliation fails on any row';
comment on column ledger.breaches.trader_id is 'The trader at fault; 0 where the fault is nobody''s';

create table ledger.consumer_offsets (
    consumer_group text not null,
    topic text not null,
    partition integer not null,
    next_offset bigint not null check (next_offset >= 0),
    primary key (consumer_group, topic, partition)
);
comment on table ledger.consumer_offsets is
'How far settlement has read each partition: written in the transaction that posts, read at start instead of Kafka''s';

create table ledger.outbox (
    id bigint primary key,
    trader_id bigint not null,
    sequence bigint not null,
    entry_id text not null,
    trade_id text,
    symbol text,
    cash_change bigint not null,
    quantity_change bigint not null,
    cash bigint not null,
    position bigint not null,
    event_time timestamptz not null,
    unique (trader_id, sequence)
);
comment on table ledger.outbox is
'Portfolio updates, in the order of commit, for the relay to publish. Rows are kept: every trader''s statement';
comment on column ledger.outbox.id is 'From 1 without a gap: settlement is the only writer';
comment on column ledger.outbox.sequence is 'Counts the trader''s updates from 1 without a gap';
comment on column ledger.outbox.cash_change is 'In 1/10,000 dollar';
comment on column ledger.outbox.cash is 'The trader''s cash after the entry, in 1/10,000 dollar';
comment on column ledger.outbox.position is 'The trader''s shares of symbol after the entry';

create table ledger.dead_letters (
    id bigint primary key,
    topic text not null,
    partition integer not null,
    message_offset bigint not null,
    item integer not null,
    reason text not null,
    detail text not null,
    payload bytea not null,
    event_time timestamptz not null,
    unique (topic, partition, message_offset, item)
);
comment on table ledger.dead_letters is
'Messages, or items of one, that settlement could not use, for the relay to publish on topic dead-letters';
comment on column ledger.dead_letters.item is 'Place of the item in its message; -1 for the whole message';
comment on column ledger.dead_letters.event_time is
'Kafka''s timestamp of the message: one that cannot be read tells no other';

create table ledger.relayed (
    topic text primary key,
    last_id bigint not null
);
comment on table ledger.relayed is
'The last outbox id that the relay knows to be in Kafka. The authority is the offset that Kafka''s transaction '
'committed; this one can lag by a batch and serves where Kafka has forgotten the offset';

-- Foreign keys would look every posting's entry and account up one by one, and lock them: this looks at the statement
-- as a whole, at a fraction of the cost.
create function ledger.apply_postings() returns trigger language plpgsql as $$
declare
    wrong bigint;
begin
    select written.entry_number into wrong
    from written
    left join ledger.accounts using (account_id)
    group by written.entry_number, accounts.asset
    having sum(written.amount) <> 0 or accounts.asset is null
    limit 1;
    if found then
        raise exception 'the postings of entry % do not sum to zero, or are of no account', wrong
        using errcode = 'check_violation';
    end if;
    select written.entry_number into wrong
    from written
    left join ledger.journal_entries as entries using (entry_number)
    where entries.entry_number is null
    limit 1;
    if found then
        raise exception 'there is no entry %', wrong using errcode = 'foreign_key_violation';
    end if;
    insert into ledger.balances as kept (account_id, balance)
    select account_id, sum(amount)::bigint
    from written
    group by account_id
    on conflict (account_id) do update set balance = kept.balance + excluded.balance;
    return null;
end
$$;
comment on function ledger.apply_postings() is
'Refuses postings that do not balance, or are of no entry or account, and moves the balances by the others';

create trigger apply_postings after insert on ledger.postings
referencing new table as written for each statement execute function ledger.apply_postings();

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%.% is append-only', tg_table_schema, tg_table_name using errcode = 'integrity_constraint_violation';
end
$$;
comment on function ledger.refuse_change() is 'Books are corrected by a further entry, never by a change';

create trigger refuse_change before update or delete or truncate on ledger.postings
for each statement execute function ledger.refuse_change();
create trigger refuse_change before update or delete or truncate on ledger.journal_entries
for each statement execute function ledger.refuse_change();

create view ledger.trader_balances as
select accounts.trader_id, accounts.asset, coalesce(balances.balance, 0) as balance
from ledger.accounts
left join ledger.balances using (account_id)
where accounts.trader_id is not null;
comment on view ledger.trader_balances is 'What every trader holds; balance in 1/10,000 dollar (asset USD) or shares';

create view ledger.house_balances as
select accounts.house, accounts.asset, coalesce(balances.balance, 0) as balance
from ledger.accounts
left join ledger.balances using (account_id)
where accounts.house is not null;
comment on view ledger.house_balances is 'What the issuer gave out (below zero) and what is in suspense';

create view ledger.portfolios as
select
    users.trader_id,
    users.name,
    (coalesce(max(held.balance) filter (where held.asset = 'USD'), 0)::numeric / 10000)::numeric(38, 4) as cash,
    coalesce(
        jsonb_object_agg(held.asset, held.balance) filter (where held.asset <> 'USD' and held.balance <> 0), '{}'
    ) as shares
from reference.users
left join ledger.trader_balances as held using (trader_id)
group by users.trader_id, users.name;
comment on view ledger.portfolios is 'One row a trader: cash in dollars, and shares by symbol';

create view ledger.trade_history as
select
    trade_id, symbol, sequence, (price::numeric / 10000)::numeric(18, 4) as price, quantity,
    (price::numeric * quantity / 10000)::numeric(38, 4) as value,
    maker_order_id, taker_order_id, buyer_id, seller_id, aggressor_side, event_time, settled_at
from ledger.trades;
comment on view ledger.trade_history is 'ledger.trades in dollars';
