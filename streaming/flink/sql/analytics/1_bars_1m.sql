-- One-minute bars with moving average and volatility, from the trades, those of auctions too.
--
-- Watermark and window are on the envelope's time, which an unnested item's time can no longer be; the items of an
-- envelope are of one minute (docs/adr/0001). Envelopes without items let time pass. The watermark waits two minutes
-- because the symbols of one partition may be a minute apart; no partition is ever silent (docs/adr/0003).
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
    `rowtime` AS TO_TIMESTAMP_LTZ(`event_time` / 1000, 3),
    WATERMARK FOR `rowtime` AS `rowtime` - INTERVAL '2' MINUTE
) WITH (
    'connector' = 'kafka',
    'topic' = 'trades',
    'properties.bootstrap.servers' = '${kafka}',
    'properties.group.id' = 'flink-analytics',
    'properties.isolation.level' = 'read_committed',
    'properties.auto.offset.reset' = 'earliest',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'false',
    'json.fail-on-missing-field' = 'false'
);

CREATE TEMPORARY VIEW traded AS
SELECT
    envelope.`rowtime`,
    item.`symbol`,
    item.`sequence`,
    item.`price`,
    item.`quantity`,
    item.`event_time`
FROM trades_topic AS envelope
CROSS JOIN UNNEST(envelope.`items`) AS item;

-- Money stays whole numbers of 1/10,000 dollar until the end; the turnover may be beyond 64 bits. A symbol's trades
-- arrive in the order of their sequence (one partition, one writer), so the first that arrives is the open.
CREATE TEMPORARY VIEW minutes AS
SELECT
    `symbol`,
    `window_start`,
    `window_end`,
    `window_time`,
    FIRST_VALUE(`price`) AS `open`,
    MAX(`price`) AS `high`,
    MIN(`price`) AS `low`,
    LAST_VALUE(`price`) AS `close`,
    SUM(`quantity`) AS `volume`,
    COUNT(*) AS `trades`,
    SUM(CAST(`price` AS DECIMAL(18, 0)) * CAST(`quantity` AS DECIMAL(19, 0))) AS `turnover`,
    MIN(`sequence`) AS `first_sequence`,
    MAX(`sequence`) AS `last_sequence`,
    MAX(`event_time`) AS `last_time`
FROM TABLE(TUMBLE(TABLE traded, DESCRIPTOR(`rowtime`), INTERVAL '1' MINUTE))
GROUP BY `symbol`, `window_start`, `window_end`, `window_time`;

CREATE TEMPORARY VIEW followed AS
SELECT
    *,
    LAG(`close`) OVER (PARTITION BY `symbol` ORDER BY `window_time`) AS `previous_close`,
    LAG(`last_time`) OVER (PARTITION BY `symbol` ORDER BY `window_time`) AS `previous_time`
FROM minutes;

-- No return across the night: the days of the market are days of UTC too.
CREATE TEMPORARY VIEW bars AS
SELECT
    *,
    CASE
        WHEN `previous_time` / 86400000000 = `last_time` / 86400000000
            THEN LN(CAST(`close` AS DOUBLE) / CAST(`previous_close` AS DOUBLE))
    END AS `log_return`
FROM followed;

-- Running sums of doubles drift as old bars leave the window. So the returns are summed as whole numbers of 10^-12,
-- which is exact, and become a double at the end.
CREATE TEMPORARY VIEW recent AS
SELECT
    *,
    SUM(`close`) OVER last_20 AS `sum_close`,
    COUNT(`close`) OVER last_20 AS `count_close`,
    SUM(`units`) OVER last_20 AS `sum_return`,
    SUM(`units` * `units`) OVER last_20 AS `sum_squares`,
    COUNT(`units`) OVER last_20 AS `count_return`
FROM (SELECT *, CAST(ROUND(`log_return` * 1e12) AS DECIMAL(19, 0)) AS `units` FROM bars)
WINDOW last_20 AS (PARTITION BY `symbol` ORDER BY `window_time` ROWS BETWEEN 19 PRECEDING AND CURRENT ROW);

-- Half up in whole numbers: (a - a mod b) / b is exact where a / b would be rounded twice.
INSERT INTO lake.market.bars_1m (
    `symbol`, `open`, `high`, `low`, `close`, `volume`, `trades`, `turnover`, `vwap`, `first_sequence`,
    `last_sequence`, `moving_average`, `log_return`, `volatility`, `event_time`
)
SELECT
    `symbol`,
    CAST(`open` * 0.0001 AS DECIMAL(18, 4)),
    CAST(`high` * 0.0001 AS DECIMAL(18, 4)),
    CAST(`low` * 0.0001 AS DECIMAL(18, 4)),
    CAST(`close` * 0.0001 AS DECIMAL(18, 4)),
    `volume`,
    `trades`,
    CAST(`turnover` * 0.0001 AS DECIMAL(38, 4)),
    CAST(
        (
            CAST((`turnover` - MOD(`turnover`, `volume`)) / `volume` AS BIGINT)
            + CASE WHEN MOD(`turnover`, `volume`) * 2 >= `volume` THEN 1 ELSE 0 END
        ) * 0.0001 AS DECIMAL(18, 4)
    ),
    `first_sequence`,
    `last_sequence`,
    CAST((2 * `sum_close` + `count_close`) / (2 * `count_close`) * 0.0001 AS DECIMAL(18, 4)),
    `log_return`,
    CASE
        WHEN `count_return` >= 2 THEN SQRT(
            CAST(`count_return` * `sum_squares` - `sum_return` * `sum_return` AS DOUBLE)
            / CAST(`count_return` * (`count_return` - 1) AS DOUBLE)
        ) / 1e12
    END,
    CAST(CAST(`window_start` AS TIMESTAMP_LTZ(3)) AS TIMESTAMP_LTZ(6))
FROM recent;
