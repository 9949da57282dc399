-- Splits and cash dividends.
-- A message that is not of this form stops the job with an error: this platform wrote it, so it is a fault, not bad
-- input, and nothing is dropped in silence.
CREATE TEMPORARY TABLE corporate_actions_topic (
    `symbol` STRING,
    `event_time` BIGINT,
    `items` ARRAY<ROW<
        `sequence` BIGINT,
        `action_id` STRING,
        `symbol` STRING,
        `kind` STRING,
        `ex_date` STRING,
        `status` STRING,
        `reason` STRING,
        `numerator` BIGINT,
        `denominator` BIGINT,
        `amount` BIGINT,
        `close_price` BIGINT,
        `adjusted_price` BIGINT,
        `event_time` BIGINT
    >>,
    `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,
    `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
    `kafka_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = 'corporate-actions',
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
INSERT INTO lake.market.corporate_actions (
    `sequence`, `action_id`, `symbol`, `kind`, `ex_date`, `status`, `reason`, `numerator`, `denominator`, `amount`,
    `close_price`, `adjusted_price`, `event_time`, `kafka_partition`, `kafka_offset`, `kafka_time`
)
SELECT
    item.`sequence`,
    item.`action_id`,
    item.`symbol`,
    item.`kind`,
    item.`ex_date`,
    item.`status`,
    item.`reason`,
    item.`numerator`,
    item.`denominator`,
    CAST(item.`amount` * 0.0001 AS DECIMAL(18, 4)),
    CAST(item.`close_price` * 0.0001 AS DECIMAL(18, 4)),
    CAST(item.`adjusted_price` * 0.0001 AS DECIMAL(18, 4)),
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`event_time` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`event_time`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    envelope.`kafka_partition`,
    envelope.`kafka_offset`,
    CAST(envelope.`kafka_time` AS TIMESTAMP_LTZ(6))
FROM corporate_actions_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;
