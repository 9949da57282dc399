copy (
    select
        sequence, trade_id, symbol, price, quantity, maker_order_id, taker_order_id, buy_order_id, sell_order_id,
        buyer_id, seller_id, aggressor_side, (extract(epoch from event_time) * 1000000)::bigint as event_time
    from ledger.trades
) to stdout (format csv, header)
