-- Pump and dump: shares gathered for long, an aggressive phase that lifts the price or is half of all that is traded in
-- fifteen minutes (as if to lift it), then half of it sold or more. The score is in multiples of these two bounds. What
-- tells it from momentum ignition is the time: it bought three times or more before the last three quarters of an hour.
CREATE TEMPORARY VIEW dumps AS
SELECT
    *,
    COUNT(*) OVER last_two AS `alerts`,
    FIRST_VALUE(`event_time`) OVER last_two AS `alerted`
FROM round_trips
WHERE
    GREATEST(`push_up`, `push_long_up`, 4 * `dominance_up`) >= 2 AND `sign` < 0
    AND `buys_before` >= 3 AND 2 * `sold_long` >= `bought_long`
    AND 4 * (`sold_long` - `sold`) <= `bought_long` - `bought`
WINDOW last_two AS (PARTITION BY `symbol`, `trader_id` ORDER BY `rowtime` ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW pump_and_dump AS
SELECT
    'pump_and_dump' AS `rule`,
    `symbol`,
    ARRAY[`trader_id`] AS `trader_ids`,
    `order_ids_long` AS `order_ids`,
    `begin_long` AS `begin`,
    `event_time` AS `end`,
    GREATEST(`push_up`, `push_long_up`, 4 * `dominance_up`) / 2 AS `score`,
    1e0 AS `threshold`,
    CAST(NULL AS BIGINT) AS `price`,
    `event_time`
FROM dumps
WHERE `alerts` = 1 OR `event_time` - `alerted` > 21600000000;
