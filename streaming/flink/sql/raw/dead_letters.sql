-- What could not be used. JSON holds the payload in base 64; the table holds the bytes.
-- A message that is not of this form stops the job with an error: this platform wrote it, so it is a fault, not bad
-- input, and nothing is dropped in silence.
CREATE TEMPORARY TABLE dead_letters_topic (
    `topic` STRING,
    `event_time` BIGINT,
    `items` ARRAY<ROW<
        `topic` STRING,
        `partition` BIGINT,
        `offset` BIGINT,
        `reason` STRING,
        `detail` STRING,
        `payload` BYTES,
        `event_time` BIGINT
    >>,
    `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,
    `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
    `kafka_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = 'dead-letters',
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
INSERT INTO lake.market.dead_letters (
    `topic`, `partition`, `offset`, `reason`, `detail`, `payload`, `event_time`, `kafka_partition`, `kafka_offset`,
    `kafka_time`
)
SELECT
    item.`topic`,
    item.`partition`,
    item.`offset`,
    item.`reason`,
    item.`detail`,
    item.`payload`,
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`event_time` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`event_time`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    envelope.`kafka_partition`,
    envelope.`kafka_offset`,
    CAST(envelope.`kafka_time` AS TIMESTAMP_LTZ(6))
FROM dead_letters_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;
