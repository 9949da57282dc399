-- The abuses that were planted, for scoring: no rule reads this topic.
-- A message that is not of this form stops the job with an error: this platform wrote it, so it is a fault, not bad
-- input, and nothing is dropped in silence.
CREATE TEMPORARY TABLE ground_truth_topic (
    `symbol` STRING,
    `event_time` BIGINT,
    `items` ARRAY<ROW<
        `episode_id` STRING,
        `kind` STRING,
        `symbol` STRING,
        `trader_ids` ARRAY<BIGINT>,
        `begin` BIGINT,
        `end` BIGINT,
        `intensity` DOUBLE,
        `scenario` STRING,
        `event_time` BIGINT
    >>,
    `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,
    `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
    `kafka_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = 'ground-truth',
    'properties.bootstrap.servers' = '${kafka}',
    'properties.group.id' = 'flink-raw',
    'properties.isolation.level' = 'read_committed',
    'properties.auto.offset.reset' = 'earliest',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'false',
    'json.fail-on-missing-field' = 'false'
);

-- Flink makes times of milliseconds only, so the microseconds are put behind as text.
INSERT INTO lake.market.ground_truth (
    `episode_id`, `kind`, `symbol`, `trader_ids`, `begin`, `end`, `intensity`, `scenario`, `event_time`,
    `kafka_partition`, `kafka_offset`, `kafka_time`
)
SELECT
    item.`episode_id`,
    item.`kind`,
    item.`symbol`,
    item.`trader_ids`,
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`begin` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`begin`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`end` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`end`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    item.`intensity`,
    item.`scenario`,
    CAST(
        CAST(TO_TIMESTAMP_LTZ(item.`event_time` / 1000, 3) AS STRING)
        || LPAD(CAST(MOD(item.`event_time`, 1000) AS STRING), 3, '0') AS TIMESTAMP_LTZ(6)
    ),
    envelope.`kafka_partition`,
    envelope.`kafka_offset`,
    CAST(envelope.`kafka_time` AS TIMESTAMP_LTZ(6))
FROM ground_truth_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;
