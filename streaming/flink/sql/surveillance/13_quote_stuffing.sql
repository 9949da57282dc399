-- Quote stuffing: an account places and withdraws twenty orders within five seconds and trades once at the most. That
-- is four times the rate of messages that the Delegated Regulation (EU) 2017/565, Art. 19, calls high.
CREATE TEMPORARY VIEW rates AS
SELECT
    *,
    COUNT(*) OVER last_20 AS `orders`,
    FIRST_VALUE(`placed_at`) OVER last_20 AS `burst_begin`,
    FIRST_VALUE(`fills`) OVER last_20 AS `fills_before`,
    ARRAY_AGG(`order_id`) OVER last_20 AS `order_ids`
FROM withdrawn
WINDOW last_20 AS (
    PARTITION BY `symbol`, `trader_id` ORDER BY `rowtime` ROWS BETWEEN 19 PRECEDING AND CURRENT ROW
);

CREATE TEMPORARY VIEW bursts AS
SELECT
    *,
    COUNT(*) OVER last_two AS `alerts`,
    FIRST_VALUE(`event_time`) OVER last_two AS `alerted`
FROM rates
WHERE `orders` = 20 AND `event_time` - `burst_begin` <= 5000000 AND `fills` - `fills_before` <= 1
WINDOW last_two AS (PARTITION BY `symbol`, `trader_id` ORDER BY `rowtime` ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW quote_stuffing AS
SELECT
    'quote_stuffing' AS `rule`,
    `symbol`,
    ARRAY[`trader_id`] AS `trader_ids`,
    `order_ids`,
    `burst_begin` AS `begin`,
    `event_time` AS `end`,
    40e6 / GREATEST(`event_time` - `burst_begin`, 1) AS `score`,
    8e0 AS `threshold`,
    CAST(NULL AS BIGINT) AS `price`,
    `event_time`
FROM bursts
WHERE `alerts` = 1 OR `event_time` - `alerted` > 1800000000;
