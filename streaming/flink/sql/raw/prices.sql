-- Last price and best bid and ask or, while orders gather for an auction, what it would trade.
-- A message that is not of this form stops the job with an error: this platform wrote it, so it is a fault, not bad
-- input, and nothing is dropped in silence.
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
    `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,
    `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
    `kafka_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = 'prices',
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
INSERT INTO lake.market.prices (
    `symbol`, `last_sequence`, `last_price`, `bid_price`, `bid_quantity`, `ask_price`, `ask_quantity`,
    `indicative_price`, `indicative_quantity`, `volume`, `event_time`, `kafka_partition`, `kafka_offset`,
    `kafka_time`
)
SELECT
    item.`symbol`,
    item.`last_sequence`,
    CAST(item.`last_price` * 0.0001 AS DECIMAL(18, 4)),
    CAST(item.`bid_price` * 0.0001 AS DECIMAL(18, 4)),
    item.`bid_quantity`,
    CAST(item.`ask_price` * 0.0001 AS DECIMAL(18, 4)),
    item.`ask_quantity`,
    CAST(item.`indicative_price` * 0.0001 AS DECIMAL(18, 4)),
    item.`indicative_quantity`,
    item.`volume`,
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`event_time` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`event_time`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    envelope.`kafka_partition`,
    envelope.`kafka_offset`,
    CAST(envelope.`kafka_time` AS TIMESTAMP_LTZ(6))
FROM prices_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;
