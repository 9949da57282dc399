-- Alerts on price moves: bars whose return is far from what is usual for the symbol.
--
-- The measure is the modified z-score of Iglewicz and Hoaglin (How to Detect and Handle Outliers, 1993): the distance
-- from the median over 1.4826 times the median absolute deviation (MAD), of the previous ${price_move_bars} returns,
-- which one wild price cannot move as it would a mean and a standard deviation. It takes 20 returns before it says
-- anything.
-- A quiet stock on a tick of a cent has a MAD of nearly nothing: the scale is at least five basis points.
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
    -- What was written but not committed when the job died is lost after this; 15 minutes is the most a broker allows.
    'properties.transaction.timeout.ms' = '900000',
    'sink.delivery-guarantee' = 'exactly-once',
    'sink.transactional-id-prefix' = 'tickhouse-alerts',
    'key.format' = 'raw',
    'key.fields' = 'symbol',
    'value.fields-include' = 'ALL',
    'value.format' = 'json',
    'value.json.encode.decimal-as-plain-number' = 'true'
);

-- ARRAY_SORT never calls two elements equal, and fails on arrays where some are ("Comparison method violates its
-- general contract"): many returns are 0. So each return is a whole number of 10^-15, its last three digits a count
-- that tells equal ones apart, which moves a return by less than 10^-12.
CREATE TEMPORARY VIEW numbered AS
SELECT
    *,
    CAST(ROUND(`log_return` * 1e12) AS BIGINT) * 1000 + MOD(
        COUNT(*) OVER (
            PARTITION BY `symbol` ORDER BY `window_time` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ),
        1000
    ) AS `distinct_return`
FROM bars
WHERE `log_return` IS NOT NULL;

CREATE TEMPORARY VIEW histories AS
SELECT
    `symbol`,
    `window_time`,
    `close`,
    `last_sequence`,
    `last_time`,
    `log_return`,
    ARRAY_AGG(`distinct_return`) OVER (
        PARTITION BY `symbol` ORDER BY `window_time` ROWS BETWEEN ${price_move_bars} PRECEDING AND CURRENT ROW
    ) AS `history`
FROM numbered;

-- A window of Flink's ends at the current row; the row judged must not be part of what it is judged by.
CREATE TEMPORARY VIEW previous AS
SELECT
    *,
    ARRAY_SLICE(`history`, 1, CARDINALITY(`history`) - 1) AS `past`,
    ARRAY_SORT(ARRAY_SLICE(`history`, 1, CARDINALITY(`history`) - 1)) AS `sorted`
FROM histories
WHERE CARDINALITY(`history`) > 20;

CREATE TEMPORARY VIEW medians AS
SELECT
    *,
    (`sorted`[(CARDINALITY(`sorted`) + 1) / 2] + `sorted`[CARDINALITY(`sorted`) / 2 + 1]) / 2e15 AS `median`
FROM previous;

CREATE TEMPORARY VIEW deviations AS
SELECT
    medians.*,
    ABS(item.`past_return` / 1e15 - medians.`median`) AS `deviation`
FROM medians
CROSS JOIN UNNEST(medians.`past`) AS item (`past_return`);

-- One group for each bar: the window of the bar again.
CREATE TEMPORARY VIEW scores AS
SELECT
    `symbol`,
    MAX(`close`) AS `price`,
    MAX(`last_sequence`) AS `last_sequence`,
    MAX(`last_time`) AS `event_time`,
    (MAX(`log_return`) - MAX(`median`)) / GREATEST(1.4826e0 * PERCENTILE(`deviation`, 0.5), 5e-4) AS `score`
FROM TABLE(TUMBLE(TABLE deviations, DESCRIPTOR(`window_time`), INTERVAL '1' MINUTE))
GROUP BY `symbol`, `window_start`, `window_end`;

-- Into the topic only: the table market.alerts is written from there, like every other topic's.
INSERT INTO alerts_topic
SELECT
    `symbol`,
    `event_time`,
    ARRAY[ROW(
        'alert',
        'price_move-' || `symbol` || '-' || CAST(`last_sequence` AS STRING),
        'price_move',
        `symbol`,
        ARRAY_REMOVE(ARRAY[`event_time`], `event_time`),
        ARRAY_REMOVE(ARRAY[`event_time`], `event_time`),
        `event_time` / 60000000 * 60000000,
        `event_time`,
        `score`,
        CAST('${price_move_threshold}' AS DOUBLE),
        `price`,
        `event_time`
    )]
FROM scores
WHERE ABS(`score`) >= CAST('${price_move_threshold}' AS DOUBLE);
