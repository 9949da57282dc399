-- Layering: spoofing by four orders or so a time, on several price levels of one side.
CREATE TEMPORARY VIEW layering AS
SELECT
    'layering' AS `rule`,
    `symbol`,
    ARRAY[`trader_id`] AS `trader_ids`,
    `order_ids`,
    `begin`,
    `end`,
    CAST(`orders` AS DOUBLE) / `cycles` AS `score`,
    3.5e0 AS `threshold`,
    CAST(NULL AS BIGINT) AS `price`,
    (`end` / 60000000 + 4) * 60000000 AS `event_time`
FROM baitings
WHERE `cycles` >= 2 AND `orders` >= 3.5 * `cycles` AND `prices` >= 4;
