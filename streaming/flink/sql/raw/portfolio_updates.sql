-- Every trader's balances after each journal entry.
-- A message that is not of this form stops the job with an error: this platform wrote it, so it is a fault, not bad
-- input, and nothing is dropped in silence.
CREATE TEMPORARY TABLE portfolio_updates_topic (
    `trader_id` BIGINT,
    `event_time` BIGINT,
    `items` ARRAY<ROW<
        `sequence` BIGINT,
        `trader_id` BIGINT,
        `entry_id` STRING,
        `trade_id` STRING,
        `symbol` STRING,
        `cash_change` BIGINT,
        `quantity_change` BIGINT,
        `cash` BIGINT,
        `position` BIGINT,
        `event_time` BIGINT
    >>,
    `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,
    `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
    `kafka_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = 'portfolio-updates',
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
INSERT INTO lake.market.portfolio_updates (
    `sequence`, `trader_id`, `entry_id`, `trade_id`, `symbol`, `cash_change`, `quantity_change`, `cash`,
    `position`, `event_time`, `kafka_partition`, `kafka_offset`, `kafka_time`
)
SELECT
    item.`sequence`,
    item.`trader_id`,
    item.`entry_id`,
    item.`trade_id`,
    item.`symbol`,
    CAST(item.`cash_change` * 0.0001 AS DECIMAL(38, 4)),
    item.`quantity_change`,
    CAST(item.`cash` * 0.0001 AS DECIMAL(38, 4)),
    item.`position`,
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`event_time` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`event_time`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    envelope.`kafka_partition`,
    envelope.`kafka_offset`,
    CAST(envelope.`kafka_time` AS TIMESTAMP_LTZ(6))
FROM portfolio_updates_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;
