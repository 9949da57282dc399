-- How each symbol trades: session, halt and limit state, collar and price band, and what an auction traded.
-- A message that is not of this form stops the job with an error: this platform wrote it, so it is a fault, not bad
-- input, and nothing is dropped in silence.
CREATE TEMPORARY TABLE market_status_topic (
    `symbol` STRING,
    `event_time` BIGINT,
    `items` ARRAY<ROW<
        `sequence` BIGINT,
        `symbol` STRING,
        `session` STRING,
        `trading_date` STRING,
        `halt` STRING,
        `limit_state` STRING,
        `reference_price` BIGINT,
        `lower_price` BIGINT,
        `upper_price` BIGINT,
        `band_reference_price` BIGINT,
        `lower_band_price` BIGINT,
        `upper_band_price` BIGINT,
        `auction_price` BIGINT,
        `auction_quantity` BIGINT,
        `event_time` BIGINT
    >>,
    `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,
    `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
    `kafka_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = 'market-status',
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
INSERT INTO lake.market.market_status (
    `sequence`, `symbol`, `session`, `trading_date`, `halt`, `limit_state`, `reference_price`, `lower_price`,
    `upper_price`, `band_reference_price`, `lower_band_price`, `upper_band_price`, `auction_price`,
    `auction_quantity`, `event_time`, `kafka_partition`, `kafka_offset`, `kafka_time`
)
SELECT
    item.`sequence`,
    item.`symbol`,
    item.`session`,
    item.`trading_date`,
    item.`halt`,
    item.`limit_state`,
    CAST(item.`reference_price` * 0.0001 AS DECIMAL(18, 4)),
    CAST(item.`lower_price` * 0.0001 AS DECIMAL(18, 4)),
    CAST(item.`upper_price` * 0.0001 AS DECIMAL(18, 4)),
    CAST(item.`band_reference_price` * 0.0001 AS DECIMAL(18, 4)),
    CAST(item.`lower_band_price` * 0.0001 AS DECIMAL(18, 4)),
    CAST(item.`upper_band_price` * 0.0001 AS DECIMAL(18, 4)),
    CAST(item.`auction_price` * 0.0001 AS DECIMAL(18, 4)),
    item.`auction_quantity`,
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`event_time` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`event_time`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    envelope.`kafka_partition`,
    envelope.`kafka_offset`,
    CAST(envelope.`kafka_time` AS TIMESTAMP_LTZ(6))
FROM market_status_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;
