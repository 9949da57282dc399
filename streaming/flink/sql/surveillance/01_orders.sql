-- What became of orders, for the rules about orders.
--
-- `rowtime` is the end of the minute that an envelope lies in (docs/adr/0001): so all that happened within a minute has
-- one time, whatever topic tells it, and `sequence` puts it in its exact order. The watermark waits two minutes because
-- the symbols of one partition may be a minute apart; no partition is ever silent (docs/adr/0003).
CREATE TEMPORARY TABLE order_events_topic (
    `symbol` STRING,
    `event_time` BIGINT,
    `items` ARRAY<ROW<
        `event` STRING,
        `sequence` BIGINT,
        `order_id` BIGINT,
        `trader_id` BIGINT,
        `symbol` STRING,
        `side` STRING,
        `order_type` STRING,
        `time_in_force` STRING,
        `price` BIGINT,
        `stop_price` BIGINT,
        `display_quantity` BIGINT,
        `quantity` BIGINT,
        `expire_time` BIGINT,
        `post_only` BOOLEAN,
        `self_trade_prevention` STRING,
        `reason` STRING,
        `orders` BIGINT,
        `event_time` BIGINT
    >>,
    `rowtime` AS TO_TIMESTAMP_LTZ((`event_time` / 60000000 + 1) * 60000 - 1, 3),
    WATERMARK FOR `rowtime` AS `rowtime` - INTERVAL '2' MINUTE
) WITH (
    'connector' = 'kafka',
    'topic' = 'order-events',
    'properties.bootstrap.servers' = '${kafka}',
    'properties.group.id' = 'flink-surveillance',
    'properties.isolation.level' = 'read_committed',
    'properties.auto.offset.reset' = 'earliest',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'false',
    'json.fail-on-missing-field' = 'false'
);

-- An order's usual size is the geometric mean of the symbol's last thousand orders, which a few very large ones hardly
-- move.
CREATE TEMPORARY VIEW placed AS
SELECT
    *,
    EXP(AVG(LN(CAST(`quantity` AS DOUBLE))) OVER last_orders) AS `usual_quantity`
FROM (
    SELECT
        envelope.`rowtime`,
        item.`symbol`,
        item.`trader_id`,
        item.`sequence`,
        item.`order_id`,
        item.`side`,
        item.`price`,
        item.`quantity`,
        item.`event_time`
    FROM order_events_topic AS envelope
    CROSS JOIN UNNEST(envelope.`items`) AS item
    WHERE item.`event` = 'accepted'
)
WINDOW last_orders AS (PARTITION BY `symbol` ORDER BY `rowtime` ROWS BETWEEN 1000 PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW taken_off AS
SELECT
    envelope.`rowtime`,
    item.`symbol`,
    item.`trader_id`,
    item.`sequence`,
    item.`order_id`,
    item.`quantity`,
    item.`event_time`
FROM order_events_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item
WHERE item.`event` = 'cancelled' AND item.`reason` = 'requested';
