-- Volume surge: in five minutes far more is traded than is usual for the symbol. Volumes are compared by their
-- logarithms, whose law is nearly normal: the score is the distance from their mean in standard deviations.
CREATE TEMPORARY VIEW volumes AS
SELECT
    *,
    LN(
        CAST(
            `volume` - FIRST_VALUE(`volume` - `quantity`) OVER (
                PARTITION BY `symbol` ORDER BY `rowtime` RANGE BETWEEN INTERVAL '5' MINUTE PRECEDING AND CURRENT ROW
            ) AS DOUBLE
        )
    ) AS `log_volume`
FROM judged;

CREATE TEMPORARY VIEW scored_volumes AS
SELECT
    *,
    AVG(`log_volume`) OVER last_trades AS `mean`,
    GREATEST(STDDEV_POP(`log_volume`) OVER last_trades, 2.5e-1) AS `deviation`
FROM volumes
WINDOW last_trades AS (PARTITION BY `symbol` ORDER BY `rowtime` ROWS BETWEEN 2000 PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW surges AS
SELECT
    *,
    COUNT(*) OVER last_two AS `alerts`,
    FIRST_VALUE(`event_time`) OVER last_two AS `alerted`
FROM scored_volumes
WHERE `known` >= 100 AND `log_volume` >= `mean` + 4 * `deviation`
WINDOW last_two AS (PARTITION BY `symbol` ORDER BY `rowtime` ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW volume_surge AS
SELECT
    'volume_surge' AS `rule`,
    `symbol`,
    ARRAY_REMOVE(ARRAY[`buyer_id`], `buyer_id`) AS `trader_ids`,
    ARRAY_REMOVE(ARRAY[`bid_id`], `bid_id`) AS `order_ids`,
    `event_time` - 300000000 AS `begin`,
    `event_time` AS `end`,
    (`log_volume` - `mean`) / `deviation` AS `score`,
    4e0 AS `threshold`,
    `price`,
    `event_time`
FROM surges
WHERE `alerts` = 1 OR `event_time` - `alerted` > 1800000000;
