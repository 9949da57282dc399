-- Every trade.
-- A message that is not of this form stops the job with an error: this platform wrote it, so it is a fault, not bad
-- input, and nothing is dropped in silence.
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
    `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,
    `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
    `kafka_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = 'trades',
    'properties.bootstrap.servers' = '${kafka}',
    'properties.group.id' = 'flink-raw',
    'properties.isolation.level' = 'read_committed',
    'properties.auto.offset.reset' = 'earliest',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'false',
    'json.fail-on-missing-field' = 'false'
);

-- Prices are integers of 1/10,000 dollar: times 0.0001 is exact. Flink makes times of milliseconds only, so the
-- microseconds are put behind as text.
INSERT INTO lake.market.trades (
    `sequence`, `trade_id`, `symbol`, `price`, `quantity`, `maker_order_id`, `taker_order_id`, `buy_order_id`,
    `sell_order_id`, `buyer_id`, `seller_id`, `aggressor_side`, `event_time`, `kafka_partition`, `kafka_offset`,
    `kafka_time`
)
SELECT
    item.`sequence`,
    item.`trade_id`,
    item.`symbol`,
    CAST(item.`price` * 0.0001 AS DECIMAL(18, 4)),
    item.`quantity`,
    item.`maker_order_id`,
    item.`taker_order_id`,
    item.`buy_order_id`,
    item.`sell_order_id`,
    item.`buyer_id`,
    item.`seller_id`,
    item.`aggressor_side`,
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`event_time` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`event_time`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    envelope.`kafka_partition`,
    envelope.`kafka_offset`,
    CAST(envelope.`kafka_time` AS TIMESTAMP_LTZ(6))
FROM trades_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;
