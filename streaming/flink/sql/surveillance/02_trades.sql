-- Every trade with what is usual for its symbol, and each of its two accounts' part in it.
CREATE TEMPORARY TABLE trades_topic (
    `symbol` STRING,
    `event_time` BIGINT,
    `items` ARRAY<ROW<
        `sequence` BIGINT,
        `trade_id` STRING,
        `symbol` STRING,
        `price` BIGINT,
        `quantity` BIGINT,
        `maker_order_id` BIGINT,
        `taker_order_id` BIGINT,
        `buy_order_id` BIGINT,
        `sell_order_id` BIGINT,
        `buyer_id` BIGINT,
        `seller_id` BIGINT,
        `aggressor_side` STRING,
        `event_time` BIGINT
    >>,
    `rowtime` AS TO_TIMESTAMP_LTZ((`event_time` / 60000000 + 1) * 60000 - 1, 3),
    WATERMARK FOR `rowtime` AS `rowtime` - INTERVAL '2' MINUTE
) WITH (
    'connector' = 'kafka',
    'topic' = 'trades',
    'properties.bootstrap.servers' = '${kafka}',
    'properties.group.id' = 'flink-surveillance',
    'properties.isolation.level' = 'read_committed',
    'properties.auto.offset.reset' = 'earliest',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'false',
    'json.fail-on-missing-field' = 'false'
);

-- A symbol's trades arrive in the order of their sequence (one partition, one writer), and OVER keeps the order of
-- arrival where `rowtime` is the same.
CREATE TEMPORARY VIEW tape AS
SELECT
    envelope.`rowtime`,
    item.*,
    CASE item.`aggressor_side`
        WHEN 'buy' THEN item.`taker_order_id`
        WHEN 'sell' THEN item.`maker_order_id`
        ELSE item.`buy_order_id`
    END AS `bid_id`,
    CASE item.`aggressor_side`
        WHEN 'buy' THEN item.`maker_order_id`
        WHEN 'sell' THEN item.`taker_order_id`
        ELSE item.`sell_order_id`
    END AS `ask_id`
FROM trades_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;

CREATE TEMPORARY VIEW counted AS
SELECT
    *,
    SUM(`quantity`) OVER (
        PARTITION BY `symbol` ORDER BY `rowtime` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS `volume`
FROM tape;

-- `before` is the price of the trade before this one, on the same day. (LAG would take all rows of one `rowtime` for
-- one; the row before is the first of the last two.)
CREATE TEMPORARY VIEW followed AS
SELECT
    *,
    CASE
        WHEN FIRST_VALUE(`event_time`) OVER last_two / 86400000000 = `event_time` / 86400000000
            THEN FIRST_VALUE(`price`) OVER last_two
        ELSE `price`
    END AS `before`
FROM counted
WINDOW last_two AS (PARTITION BY `symbol` ORDER BY `rowtime` ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);

-- How far the price went in the five minutes up to each trade. (The minutes of `rowtime`: of the one under way, and the
-- five before it.)
CREATE TEMPORARY VIEW moved AS
SELECT
    *,
    LN(
        CAST(`price` AS DOUBLE) / FIRST_VALUE(`before`) OVER (
            PARTITION BY `symbol` ORDER BY `rowtime` RANGE BETWEEN INTERVAL '5' MINUTE PRECEDING AND CURRENT ROW
        )
    ) AS `move`
FROM followed;

-- `usual_move` is the standard deviation of such moves, by their mean size (times the root of pi / 2, as for a normal
-- law), which the wild ones do not move as much; of the last two thousand trades, and two basis points at the least.
CREATE TEMPORARY VIEW judged AS
SELECT
    *,
    ARRAY['buy', 'sell'] AS `sides`,
    GREATEST(SQRT(PI() / 2) * AVG(ABS(`move`)) OVER last_trades, 2e-4) AS `usual_move`,
    EXP(AVG(LN(CAST(`quantity` AS DOUBLE))) OVER last_trades) AS `usual_quantity`,
    COUNT(*) OVER last_trades AS `known`
FROM moved
WINDOW last_trades AS (PARTITION BY `symbol` ORDER BY `rowtime` ROWS BETWEEN 2000 PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW fills AS
SELECT
    judged.`rowtime`,
    judged.`symbol`,
    CASE part.`side` WHEN 'buy' THEN judged.`buyer_id` ELSE judged.`seller_id` END AS `trader_id`,
    CASE part.`side` WHEN 'buy' THEN judged.`seller_id` ELSE judged.`buyer_id` END AS `other_id`,
    judged.`sequence`,
    CASE part.`side` WHEN 'buy' THEN judged.`bid_id` ELSE judged.`ask_id` END AS `order_id`,
    part.`side`,
    CASE part.`side` WHEN 'buy' THEN 1 ELSE -1 END AS `sign`,
    judged.`aggressor_side` IN (part.`side`, 'none') AS `is_aggressive`,
    judged.`price`,
    judged.`before`,
    judged.`quantity`,
    judged.`volume`,
    judged.`usual_move`,
    judged.`usual_quantity`,
    judged.`known`,
    judged.`event_time`
FROM judged
CROSS JOIN UNNEST(judged.`sides`) AS part (`side`);
