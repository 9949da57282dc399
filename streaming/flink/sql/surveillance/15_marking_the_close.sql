-- Marking the close: in the last ten minutes an account that stands on one side takes half of what is traded and twenty
-- usual trades, or by aggressive orders three tenths and five usual trades, and the price moves with them by a usual
-- move; three orders are aggressive or more. (Usual trades as in 04_pushes.sql: half of a thin close is little.)
-- The windows reach from 18 minutes before an hour to two after it; only those of the close are looked at: 16:00 in New
-- York, and 13:00 on the days of early closes (NYSE Rule 7.2: 3 July, the day after Thanksgiving, 24 December).
CREATE TEMPORARY VIEW local_time AS
SELECT
    *,
    TO_TIMESTAMP(
        CONVERT_TZ(CAST(TO_TIMESTAMP_LTZ(`event_time` / 1000000, 0) AS STRING), 'UTC', 'America/New_York')
    ) AS `at`
FROM fills;

CREATE TEMPORARY VIEW closing AS
SELECT *
FROM local_time
WHERE
    `known` >= 100 AND (
        (HOUR(`at`) = 15 AND MINUTE(`at`) >= 50) OR (HOUR(`at`) = 16 AND MINUTE(`at`) < 2)
        OR (
            ((HOUR(`at`) = 12 AND MINUTE(`at`) >= 50) OR (HOUR(`at`) = 13 AND MINUTE(`at`) < 2))
            AND (
                (MONTH(`at`) = 7 AND DAYOFMONTH(`at`) = 3) OR (MONTH(`at`) = 12 AND DAYOFMONTH(`at`) = 24)
                OR (MONTH(`at`) = 11 AND DAYOFWEEK(`at`) = 6 AND DAYOFMONTH(`at`) BETWEEN 23 AND 29)
            )
        )
    );

CREATE TEMPORARY VIEW closing_parts AS
SELECT
    `symbol`,
    `trader_id`,
    `window_start`,
    `window_end`,
    SUM(CASE WHEN `is_aggressive` THEN `sign` * `quantity` ELSE 0 END) AS `pushed`,
    COUNT(DISTINCT CASE WHEN `is_aggressive` THEN `order_id` END) AS `orders`,
    ABS(SUM(`sign` * `quantity`)) AS `net`,
    SUM(`quantity`) AS `gross`,
    MIN(`event_time`) AS `begin`,
    MAX(`event_time`) AS `end`,
    ARRAY_AGG(`order_id`) AS `order_ids`
FROM TABLE(TUMBLE(TABLE closing, DESCRIPTOR(`rowtime`), INTERVAL '20' MINUTE, INTERVAL '2' MINUTE))
GROUP BY `symbol`, `trader_id`, `window_start`, `window_end`;

CREATE TEMPORARY VIEW closing_volumes AS
SELECT
    `symbol`,
    `window_start`,
    `window_end`,
    SUM(`quantity`) AS `quantity`,
    LAST_VALUE(`price`) AS `price`,
    LN(CAST(LAST_VALUE(`price`) AS DOUBLE) / FIRST_VALUE(`before`)) / FIRST_VALUE(`usual_move`) / SQRT(2e0) AS `moves`,
    FIRST_VALUE(`usual_quantity`) AS `usual_quantity`,
    MAX(`event_time`) AS `event_time`
FROM TABLE(TUMBLE(TABLE closing, DESCRIPTOR(`rowtime`), INTERVAL '20' MINUTE, INTERVAL '2' MINUTE))
WHERE `side` = 'buy'
GROUP BY `symbol`, `window_start`, `window_end`;

CREATE TEMPORARY VIEW marking_the_close AS
SELECT
    'marking_the_close' AS `rule`,
    part.`symbol`,
    ARRAY[part.`trader_id`] AS `trader_ids`,
    part.`order_ids`,
    part.`begin`,
    part.`end`,
    CAST(GREATEST(ABS(part.`pushed`), part.`net`) AS DOUBLE) / CAST(whole.`quantity` AS DOUBLE) AS `score`,
    3e-1 AS `threshold`,
    whole.`price`,
    whole.`event_time`
FROM closing_parts AS part
INNER JOIN closing_volumes AS whole
    ON
        part.`symbol` = whole.`symbol`
        AND part.`window_start` = whole.`window_start`
        AND part.`window_end` = whole.`window_end`
WHERE
    part.`orders` >= 3 AND 2 * part.`net` >= part.`gross` AND (
        (part.`net` >= 0.5 * whole.`quantity` AND part.`net` >= 20 * whole.`usual_quantity`)
        OR (
            ABS(part.`pushed`) >= 0.3 * whole.`quantity` AND ABS(part.`pushed`) >= 5 * whole.`usual_quantity`
            AND part.`pushed` * whole.`moves` > 0
            AND ABS(whole.`moves`) >= 1
        )
    );
