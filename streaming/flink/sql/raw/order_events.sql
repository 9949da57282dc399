-- Every answer to a command, and what became of orders unasked.
-- A message that is not of this form stops the job with an error: this platform wrote it, so it is a fault, not bad
-- input, and nothing is dropped in silence.
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
    `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,
    `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
    `kafka_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = 'order-events',
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
INSERT INTO lake.market.order_events (
    `event`, `sequence`, `order_id`, `trader_id`, `symbol`, `side`, `order_type`, `time_in_force`, `price`,
    `stop_price`, `display_quantity`, `quantity`, `expire_time`, `post_only`, `self_trade_prevention`, `reason`,
    `orders`, `event_time`, `kafka_partition`, `kafka_offset`, `kafka_time`
)
SELECT
    item.`event`,
    item.`sequence`,
    item.`order_id`,
    item.`trader_id`,
    item.`symbol`,
    item.`side`,
    item.`order_type`,
    item.`time_in_force`,
    CAST(item.`price` * 0.0001 AS DECIMAL(18, 4)),
    CAST(item.`stop_price` * 0.0001 AS DECIMAL(18, 4)),
    item.`display_quantity`,
    item.`quantity`,
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`expire_time` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`expire_time`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    item.`post_only`,
    item.`self_trade_prevention`,
    item.`reason`,
    item.`orders`,
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`event_time` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`event_time`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    envelope.`kafka_partition`,
    envelope.`kafka_offset`,
    CAST(envelope.`kafka_time` AS TIMESTAMP_LTZ(6))
FROM order_events_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;
