-- All rules' alerts, into the topic only: the table market.alerts is written from there, like every other topic's. One
-- INSERT, for two that wrote to one topic in one job would share the names of their transactions. The id is the same
-- however often the job says it; the account is in it because one trade may be where two accounts' alerts begin.
CREATE TEMPORARY TABLE alerts_topic (
    `symbol` STRING,
    `event_time` BIGINT,
    `items` ARRAY<ROW<
        `event` STRING,
        `alert_id` STRING,
        `rule` STRING,
        `symbol` STRING,
        `trader_ids` ARRAY<BIGINT>,
        `order_ids` ARRAY<BIGINT>,
        `begin` BIGINT,
        `end` BIGINT,
        `score` DOUBLE,
        `threshold` DOUBLE,
        `price` BIGINT,
        `event_time` BIGINT
    >>
) WITH (
    'connector' = 'kafka',
    'topic' = 'alerts',
    'properties.bootstrap.servers' = '${kafka}',
    'properties.transaction.timeout.ms' = '900000',
    'sink.delivery-guarantee' = 'exactly-once',
    'sink.transactional-id-prefix' = 'tickhouse-surveillance',
    'key.format' = 'raw',
    'key.fields' = 'symbol',
    'value.fields-include' = 'ALL',
    'value.format' = 'json',
    'value.json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY VIEW found AS
SELECT * FROM spoofing
UNION ALL
SELECT * FROM layering
UNION ALL
SELECT * FROM wash_trading
UNION ALL
SELECT * FROM quote_stuffing
UNION ALL
SELECT * FROM momentum_ignition
UNION ALL
SELECT * FROM marking_the_close
UNION ALL
SELECT * FROM pump_and_dump
UNION ALL
SELECT * FROM price_spike
UNION ALL
SELECT * FROM volume_surge
UNION ALL
SELECT * FROM stale_quotes;

INSERT INTO alerts_topic
SELECT
    `symbol`,
    `event_time`,
    ARRAY[ROW(
        'alert',
        `rule` || '-' || `symbol` || '-' || CAST(`begin` AS STRING)
        || CASE WHEN CARDINALITY(`trader_ids`) > 0 THEN '-' || CAST(`trader_ids`[1] AS STRING) ELSE '' END,
        `rule`,
        `symbol`,
        `trader_ids`,
        ARRAY_SLICE(`order_ids`, 1, 50),
        `begin`,
        `end`,
        `score`,
        `threshold`,
        `price`,
        `event_time`
    )]
FROM found;
