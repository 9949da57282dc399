-- Spoofing: large orders on one side, a small one of the same account fills on the other, the large ones are withdrawn
-- unfilled; more than once. Large is four times the usual size and more.
CREATE TEMPORARY VIEW spoofing AS
SELECT
    'spoofing' AS `rule`,
    `symbol`,
    ARRAY[`trader_id`] AS `trader_ids`,
    `order_ids`,
    `begin`,
    `end`,
    `sizes` / `orders` AS `score`,
    4e0 AS `threshold`,
    CAST(NULL AS BIGINT) AS `price`,
    (`end` / 60000000 + 4) * 60000000 AS `event_time`
FROM baitings
WHERE `cycles` >= 2 AND `orders` >= 3 AND `orders` < 3.5 * `cycles` AND `sizes` >= 4 * `orders`;
