-- Trades of auctions have no aggressor, and name the buyer's and the seller's order instead of maker and taker.

alter table ledger.trades
alter column maker_order_id drop not null,
alter column taker_order_id drop not null,
add column buy_order_id bigint,
add column sell_order_id bigint,
drop constraint trades_aggressor_side_check,
add constraint trades_aggressor_side_check check (aggressor_side in ('buy', 'sell', 'none')),
add constraint trades_orders_check check (
    case
        when aggressor_side = 'none'
            then num_nonnulls(buy_order_id, sell_order_id) = 2 and num_nonnulls(maker_order_id, taker_order_id) = 0
        else num_nonnulls(maker_order_id, taker_order_id) = 2 and num_nonnulls(buy_order_id, sell_order_id) = 0
    end
);
comment on column ledger.trades.maker_order_id is 'The order that stood on the book; null where an auction traded';
comment on column ledger.trades.taker_order_id is 'The order that came in; null where an auction traded';
comment on column ledger.trades.buy_order_id is 'The buyer''s order, where an auction traded';
comment on column ledger.trades.sell_order_id is 'The seller''s order, where an auction traded';
comment on column ledger.trades.aggressor_side is 'Side of the taker; none where an auction traded';

drop view ledger.trade_history;
create view ledger.trade_history as
select
    trade_id, symbol, sequence, (price::numeric / 10000)::numeric(18, 4) as price, quantity,
    (price::numeric * quantity / 10000)::numeric(38, 4) as value,
    maker_order_id, taker_order_id, buy_order_id, sell_order_id, buyer_id, seller_id, aggressor_side, event_time,
    settled_at
from ledger.trades;
comment on view ledger.trade_history is 'ledger.trades in dollars';
