copy ledger.trades (
    trade_id, symbol, sequence, price, quantity, maker_order_id, taker_order_id, buy_order_id, sell_order_id, buyer_id,
    seller_id, aggressor_side, event_time
) from stdin (format binary)
