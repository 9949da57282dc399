-- Everything that a day's books are made of, a row each: for every symbol the last book that was told before the day,
-- the status then, the events since, and what was told before of orders that those are about. Prices in 1/10,000
-- dollar, times in microseconds since 1970, as on the topics.
WITH told AS (
    SELECT
        symbol,
        max(last_sequence) AS last_sequence
    FROM lake.market.book_snapshots
    WHERE event_time < :begins AND (:symbol IS NULL OR symbol = :symbol)
    GROUP BY symbol
),

feed AS (
    SELECT
        symbol,
        sequence,
        event_time,
        event,
        trader_id,
        order_id,
        to_json(
            named_struct(
                'event', event,
                'sequence', sequence,
                'order_id', order_id,
                'trader_id', trader_id,
                'symbol', symbol,
                'side', side,
                'order_type', order_type,
                'time_in_force', time_in_force,
                'price', cast(price * 10000 AS BIGINT),
                'stop_price', cast(stop_price * 10000 AS BIGINT),
                'display_quantity', display_quantity,
                'quantity', quantity,
                'expire_time', unix_micros(expire_time),
                'post_only', post_only,
                'self_trade_prevention', self_trade_prevention,
                'reason', reason,
                'orders', orders,
                'event_time', unix_micros(event_time)
            )
        ) AS body
    FROM lake.market.order_events
    WHERE sequence IS NOT NULL AND event_time < :ends AND (:symbol IS NULL OR symbol = :symbol)
    UNION ALL
    SELECT
        symbol,
        sequence,
        event_time,
        'trade' AS event,
        NULL AS trader_id,
        NULL AS order_id,
        to_json(
            named_struct(
                'event', 'trade',
                'sequence', sequence,
                'trade_id', trade_id,
                'symbol', symbol,
                'price', cast(price * 10000 AS BIGINT),
                'quantity', quantity,
                'maker_order_id', maker_order_id,
                'taker_order_id', taker_order_id,
                'buy_order_id', buy_order_id,
                'sell_order_id', sell_order_id,
                'buyer_id', buyer_id,
                'seller_id', seller_id,
                'aggressor_side', aggressor_side,
                'event_time', unix_micros(event_time)
            )
        ) AS body
    FROM lake.market.trades
    WHERE event_time < :ends AND (:symbol IS NULL OR symbol = :symbol)
    UNION ALL
    SELECT
        symbol,
        sequence,
        event_time,
        'market_status' AS event,
        NULL AS trader_id,
        NULL AS order_id,
        to_json(
            named_struct(
                'event', 'market_status',
                'sequence', sequence,
                'symbol', symbol,
                'session', session,
                'trading_date', trading_date,
                'halt', halt,
                'event_time', unix_micros(event_time)
            )
        ) AS body
    FROM lake.market.market_status
    WHERE event_time < :ends AND (:symbol IS NULL OR symbol = :symbol)
    UNION ALL
    SELECT
        symbol,
        sequence,
        event_time,
        'corporate_action' AS event,
        NULL AS trader_id,
        NULL AS order_id,
        to_json(
            named_struct(
                'event', 'corporate_action',
                'sequence', sequence,
                'action_id', action_id,
                'symbol', symbol,
                'kind', kind,
                'ex_date', ex_date,
                'status', status,
                'event_time', unix_micros(event_time)
            )
        ) AS body
    FROM lake.market.corporate_actions
    WHERE event_time < :ends AND (:symbol IS NULL OR symbol = :symbol)
),

placed AS (
    SELECT
        feed.*,
        coalesce(told.last_sequence, 0) AS last_sequence
    FROM feed
    LEFT JOIN told ON feed.symbol = told.symbol
),

-- Orders that the day's events speak of: of what was told of them before, nothing else is needed.
named AS (
    SELECT DISTINCT
        symbol,
        trader_id,
        order_id
    FROM placed
    WHERE sequence > last_sequence AND event_time >= :since AND order_id IS NOT NULL AND event != 'accepted'
    UNION
    SELECT
        symbol,
        told_order.trader_id,
        told_order.order_id
    FROM lake.market.book_snapshots
    INNER JOIN told USING (symbol, last_sequence)
        LATERAL VIEW explode(orders) AS told_order
    WHERE told_order.shown_quantity IS NOT NULL
)

SELECT
    symbol,
    'event' AS kind,
    sequence,
    body
FROM placed
WHERE sequence > last_sequence AND event_time >= :since
UNION ALL
SELECT
    placed.symbol,
    'before' AS kind,
    placed.sequence,
    placed.body
FROM placed
INNER JOIN named USING (symbol, trader_id, order_id)
WHERE placed.sequence <= placed.last_sequence
UNION ALL
SELECT
    symbol,
    'status' AS kind,
    max(sequence) AS sequence,
    max_by(body, sequence) AS body
FROM placed
WHERE event = 'market_status' AND sequence <= last_sequence
GROUP BY symbol
UNION ALL
SELECT
    symbol,
    'book' AS kind,
    last_sequence AS sequence,
    to_json(
        named_struct(
            'symbol', symbol,
            'last_sequence', last_sequence,
            'part', part,
            'parts', parts,
            'orders', transform(
                orders, o -> named_struct(
                    'order_id', o.order_id,
                    'trader_id', o.trader_id,
                    'side', o.side,
                    'price', o.price_units,
                    'quantity', o.quantity,
                    'shown_quantity', o.shown_quantity
                )
            ),
            'event_time', unix_micros(event_time)
        )
    ) AS body
FROM lake.market.book_snapshots
INNER JOIN told USING (symbol, last_sequence)
