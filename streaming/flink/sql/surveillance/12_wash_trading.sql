-- Wash trading: two accounts trade with each other, back and forth in much the same quantity, so that in the end hardly
-- a share has moved, four times or more in ten minutes; and that is two thirds of what either traded in twenty. (Two
-- market makers meet each other too, but all the others as well.)
CREATE TEMPORARY VIEW accounts AS
SELECT
    *,
    SUM(`quantity`) OVER (
        PARTITION BY `symbol`, `trader_id`
        ORDER BY `rowtime` RANGE BETWEEN INTERVAL '20' MINUTE PRECEDING AND CURRENT ROW
    ) AS `own`
FROM fills;

CREATE TEMPORARY VIEW pairs AS
SELECT
    *,
    LEAST(`trader_id`, `other_id`) AS `one_id`,
    GREATEST(`trader_id`, `other_id`) AS `two_id`,
    COALESCE(`trader_id` < `other_id`, FALSE) AS `of_one`
FROM accounts
WHERE `trader_id` <> `other_id`;

-- Each trade is here twice, once for each of the two.
CREATE TEMPORARY VIEW back_and_forth AS
SELECT
    *,
    COUNT(CASE WHEN `of_one` AND `side` = 'buy' THEN 1 END) OVER lately AS `bought`,
    COUNT(CASE WHEN `of_one` AND `side` = 'sell' THEN 1 END) OVER lately AS `sold`,
    ABS(SUM(CASE WHEN `of_one` THEN `sign` * `quantity` ELSE 0 END) OVER lately) AS `net`,
    SUM(CASE WHEN `of_one` THEN `quantity` ELSE 0 END) OVER lately AS `gross`,
    STDDEV_POP(CAST(`quantity` AS DOUBLE)) OVER lately / AVG(CAST(`quantity` AS DOUBLE)) OVER lately AS `variation`,
    MAX(`own`) OVER lately AS `most`,
    MIN(`event_time`) OVER lately AS `begin`,
    ARRAY_AGG(`order_id`) OVER lately AS `order_ids`
FROM pairs
WINDOW lately AS (
    PARTITION BY `symbol`, `one_id`, `two_id`
    ORDER BY `rowtime` RANGE BETWEEN INTERVAL '10' MINUTE PRECEDING AND CURRENT ROW
);

CREATE TEMPORARY VIEW washed AS
SELECT
    *,
    COUNT(*) OVER last_two AS `alerts`,
    FIRST_VALUE(`event_time`) OVER last_two AS `alerted`
FROM back_and_forth
WHERE
    `bought` >= 2 AND `sold` >= 2 AND 4 * `net` <= `gross` AND 3 * `gross` >= 2 * `most` AND `variation` <= 0.5
WINDOW last_two AS (
    PARTITION BY `symbol`, `one_id`, `two_id` ORDER BY `rowtime` ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
);

CREATE TEMPORARY VIEW wash_trading AS
SELECT
    'wash_trading' AS `rule`,
    `symbol`,
    ARRAY[`one_id`, `two_id`] AS `trader_ids`,
    `order_ids`,
    `begin`,
    `event_time` AS `end`,
    CAST(`bought` + `sold` AS DOUBLE) AS `score`,
    4e0 AS `threshold`,
    CAST(NULL AS BIGINT) AS `price`,
    `event_time`
FROM washed
WHERE `alerts` = 1 OR `event_time` - `alerted` > 1800000000;
