-- Splits and cash dividends. Prices and amounts are integers of 1/10,000 dollar.

create table ledger.corporate_actions (
    symbol text not null,
    sequence bigint not null check (sequence > 0),
    action_id text not null,
    kind text not null check (kind in ('split', 'cash_dividend')),
    ex_date date not null,
    status text not null check (status in ('effective', 'refused')),
    reason text,
    numerator bigint,
    denominator bigint,
    amount bigint,
    close_price bigint,
    adjusted_price bigint,
    event_time timestamptz not null,
    settled_at timestamptz not null default now(),
    primary key (symbol, sequence),
    check ((status = 'refused') = (reason is not null)),
    check (
        status = 'refused'
        or (kind = 'split' and numerator > 0 and denominator > 0 and amount is null)
        or (kind = 'cash_dividend' and amount > 0 and num_nonnulls(numerator, denominator) = 0)
    )
);
comment on table ledger.corporate_actions is
'Every field of topic corporate-actions, once an action; an effective one has an entry for each holder';
comment on column ledger.corporate_actions.sequence is 'The symbol''s event number, shared with trades';
comment on column ledger.corporate_actions.amount is 'What a dividend pays on a share, in 1/10,000 dollar';
comment on column ledger.corporate_actions.close_price is 'The last price before it, in 1/10,000 dollar';
comment on column ledger.corporate_actions.adjusted_price is
'What that is worth afterwards; the part of it that a fraction of a share is paid with';
comment on column ledger.corporate_actions.settled_at is 'Wall-clock time of the posting';

alter table ledger.breaches
drop constraint breaches_reason_check,
add constraint breaches_reason_check check (
    reason in (
        'unknown_trader', 'unknown_symbol', 'negative_cash', 'negative_position', 'conflicting_trade',
        'conflicting_action'
    )
);

comment on table ledger.journal_entries is
'What happened: a trade, an endowment, or what a holder got by a corporate action. Numbered from 1 without a gap';
comment on column ledger.journal_entries.entry_id is
'The trade id, endowment-<trader>[-<symbol>], split-<symbol>-<sequence>-<trader> or '
'dividend-<symbol>-<sequence>-<trader> (suspense in place of the trader, where it holds shares)';
comment on column ledger.accounts.house is
'issuer: what every endowment, new share and dividend came from (its balance is minus the whole supply); '
'suspense: the side of a trade whose trader or symbol is unknown';
