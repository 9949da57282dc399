-- Momentum ignition: a run of aggressive orders within minutes moves the price beyond what is usual, and then the
-- account gives back half or more of what it has, against the move; all within three quarters of an hour.
CREATE TEMPORARY VIEW ignitions AS
SELECT
    *,
    COUNT(*) OVER last_two AS `alerts`,
    FIRST_VALUE(`event_time`) OVER last_two AS `alerted`
FROM round_trips
WHERE
    (
        `push_up` >= 2 AND `sign` < 0 AND 2 * `sold` >= `bought` AND `buys_before` < 3
    ) OR (
        `push_down` <= -2 AND `sign` > 0 AND 2 * `bought` >= `sold` AND `sales_before` < 3
    )
WINDOW last_two AS (PARTITION BY `symbol`, `trader_id` ORDER BY `rowtime` ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW momentum_ignition AS
SELECT
    'momentum_ignition' AS `rule`,
    `symbol`,
    ARRAY[`trader_id`] AS `trader_ids`,
    `order_ids`,
    `begin`,
    `event_time` AS `end`,
    CASE WHEN `sign` < 0 THEN `push_up` ELSE -`push_down` END AS `score`,
    2e0 AS `threshold`,
    CAST(NULL AS BIGINT) AS `price`,
    `event_time`
FROM ignitions
WHERE `alerts` = 1 OR `event_time` - `alerted` > 3600000000;
