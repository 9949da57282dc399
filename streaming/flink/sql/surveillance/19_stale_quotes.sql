-- Stale quotes: the best bid and ask, prices and quantities, stand still for ten minutes though the market's clock goes
-- on.
CREATE TEMPORARY TABLE prices_topic (
    `symbol` STRING,
    `event_time` BIGINT,
    `items` ARRAY<ROW<
        `symbol` STRING,
        `last_sequence` BIGINT,
        `last_price` BIGINT,
        `bid_price` BIGINT,
        `bid_quantity` BIGINT,
        `ask_price` BIGINT,
        `ask_quantity` BIGINT,
        `indicative_price` BIGINT,
        `indicative_quantity` BIGINT,
        `volume` BIGINT,
        `event_time` BIGINT
    >>,
    `rowtime` AS TO_TIMESTAMP_LTZ((`event_time` / 60000000 + 1) * 60000 - 1, 3),
    WATERMARK FOR `rowtime` AS `rowtime` - INTERVAL '2' MINUTE
) WITH (
    'connector' = 'kafka',
    'topic' = 'prices',
    'properties.bootstrap.servers' = '${kafka}',
    'properties.group.id' = 'flink-surveillance',
    'properties.isolation.level' = 'read_committed',
    'properties.auto.offset.reset' = 'earliest',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'false',
    'json.fail-on-missing-field' = 'false'
);

CREATE TEMPORARY VIEW quoted AS
SELECT
    envelope.`rowtime`,
    item.*
FROM prices_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;

-- How a minute ended: a symbol's prices arrive in order.
CREATE TEMPORARY VIEW quotes AS
SELECT
    `symbol`,
    `window_time` AS `rowtime`,
    LAST_VALUE(COALESCE(`bid_price`, 0)) AS `bid`,
    LAST_VALUE(COALESCE(`bid_quantity`, 0)) AS `bid_quantity`,
    LAST_VALUE(COALESCE(`ask_price`, 0)) AS `ask`,
    LAST_VALUE(COALESCE(`ask_quantity`, 0)) AS `ask_quantity`,
    MAX(`event_time`) AS `event_time`
FROM TABLE(TUMBLE(TABLE quoted, DESCRIPTOR(`rowtime`), INTERVAL '1' MINUTE))
GROUP BY `symbol`, `window_start`, `window_end`, `window_time`;

CREATE TEMPORARY VIEW standstills AS
SELECT *
FROM quotes
MATCH_RECOGNIZE (
    PARTITION BY `symbol`
    ORDER BY `rowtime`
    MEASURES
    moved.`event_time` AS `begin`,
    LAST(still.`event_time`) AS `event_time`,
    (moved.`bid` + moved.`ask`) / 2 AS `price`
    AFTER MATCH SKIP TO LAST still
    PATTERN (earlier moved still{10}) WITHIN INTERVAL '20' MINUTE
    DEFINE
    moved AS
    moved.`bid` > 0 AND moved.`ask` > 0 AND (
        moved.`bid` <> earlier.`bid` OR moved.`ask` <> earlier.`ask`
        OR moved.`bid_quantity` <> earlier.`bid_quantity` OR moved.`ask_quantity` <> earlier.`ask_quantity`
    ),
    still AS
    still.`bid` = moved.`bid` AND still.`ask` = moved.`ask`
    AND still.`bid_quantity` = moved.`bid_quantity` AND still.`ask_quantity` = moved.`ask_quantity`
);

CREATE TEMPORARY VIEW stale_quotes AS
SELECT
    'stale_quotes' AS `rule`,
    `symbol`,
    ARRAY_REMOVE(ARRAY[`begin`], `begin`) AS `trader_ids`,
    ARRAY_REMOVE(ARRAY[`begin`], `begin`) AS `order_ids`,
    `begin`,
    `event_time` AS `end`,
    CAST(`event_time` - `begin` AS DOUBLE) / 6e7 AS `score`,
    9e0 AS `threshold`,
    `price`,
    `event_time`
FROM standstills;
