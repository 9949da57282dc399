-- Orders that were withdrawn within a minute, unfilled, with what their account did meanwhile.
--
-- Orders and trades come on two topics. MATCH_RECOGNIZE puts the two in the order of their sequence, which OVER then
-- keeps. Where an account stands is remembered by side: the size of its last order, and its last fill.
CREATE TEMPORARY VIEW orders_and_fills AS
SELECT
    `rowtime`, `symbol`, `trader_id`, `sequence`, 'placed' AS `step`, `order_id`, `side`, `price`, `quantity`,
    `usual_quantity`, `event_time`
FROM placed
UNION ALL
SELECT
    `rowtime`, `symbol`, `trader_id`, `sequence`, 'taken off' AS `step`, `order_id`, CAST(NULL AS STRING) AS `side`,
    CAST(NULL AS BIGINT) AS `price`, `quantity`, CAST(NULL AS DOUBLE) AS `usual_quantity`, `event_time`
FROM taken_off
UNION ALL
SELECT
    `rowtime`, `symbol`, `trader_id`, `sequence`, 'filled' AS `step`, `order_id`, `side`, `price`, `quantity`,
    CAST(NULL AS DOUBLE) AS `usual_quantity`, `event_time`
FROM fills;

CREATE TEMPORARY VIEW steps AS
SELECT *
FROM orders_and_fills
MATCH_RECOGNIZE (
    PARTITION BY `symbol`, `trader_id`
    ORDER BY `rowtime`, `sequence`
    MEASURES
    MATCH_ROWTIME() AS `rowtime`,
    told.`sequence` AS `sequence`,
    told.`step` AS `step`,
    told.`order_id` AS `order_id`,
    told.`side` AS `side`,
    told.`price` AS `price`,
    told.`quantity` AS `quantity`,
    told.`usual_quantity` AS `usual_quantity`,
    told.`event_time` AS `event_time`
    AFTER MATCH SKIP PAST LAST ROW
    PATTERN (told)
    DEFINE told AS told.`sequence` > 0
);

CREATE TEMPORARY VIEW remembered AS
SELECT
    *,
    COUNT(CASE WHEN `step` = 'filled' THEN 1 END) OVER until_now AS `fills`,
    LAST_VALUE(CASE WHEN `step` = 'placed' AND `side` = 'buy' THEN `quantity` END) OVER until_now AS `bid_quantity`,
    LAST_VALUE(CASE WHEN `step` = 'placed' AND `side` = 'sell' THEN `quantity` END) OVER until_now AS `ask_quantity`,
    LAST_VALUE(CASE WHEN `step` = 'filled' AND `side` = 'buy' THEN `sequence` END) OVER until_now AS `bought`,
    LAST_VALUE(CASE WHEN `step` = 'filled' AND `side` = 'sell' THEN `sequence` END) OVER until_now AS `sold`,
    LAST_VALUE(CASE WHEN `step` = 'filled' AND `side` = 'buy' THEN `order_id` END) OVER until_now AS `bought_by`,
    LAST_VALUE(CASE WHEN `step` = 'filled' AND `side` = 'sell' THEN `order_id` END) OVER until_now AS `sold_by`
FROM steps
WINDOW until_now AS (
    PARTITION BY `symbol`, `trader_id` ORDER BY `rowtime` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
);

CREATE TEMPORARY VIEW withdrawn AS
SELECT
    gone.`rowtime`,
    gone.`symbol`,
    gone.`trader_id`,
    gone.`order_id`,
    put.`side`,
    put.`price`,
    put.`quantity`,
    put.`usual_quantity`,
    put.`event_time` AS `placed_at`,
    gone.`event_time`,
    gone.`fills`,
    CASE put.`side` WHEN 'buy' THEN gone.`ask_quantity` ELSE gone.`bid_quantity` END AS `other_quantity`,
    CASE
        WHEN put.`side` = 'buy' AND gone.`sold` > put.`sequence` THEN gone.`sold_by`
        WHEN put.`side` = 'sell' AND gone.`bought` > put.`sequence` THEN gone.`bought_by`
    END AS `filled_order_id`
FROM remembered AS gone
INNER JOIN remembered AS put
    ON
        gone.`symbol` = put.`symbol`
        AND gone.`order_id` = put.`order_id`
        AND gone.`quantity` = put.`quantity`
        AND put.`rowtime` BETWEEN gone.`rowtime` - INTERVAL '1' MINUTE AND gone.`rowtime`
WHERE put.`step` = 'placed' AND gone.`step` = 'taken off' AND gone.`event_time` - put.`event_time` <= 60000000;

-- A bait: a large order, and while it stood the account's own small order on the other side was filled. (`account` is
-- there because SESSION partitions by one column.)
CREATE TEMPORARY VIEW baits AS
SELECT
    *,
    `symbol` || '-' || CAST(`trader_id` AS STRING) AS `account`
FROM withdrawn
WHERE `filled_order_id` IS NOT NULL AND `quantity` >= 2 * `other_quantity`;

-- One row for what belongs together: less than three minutes lie between one bait and the next.
CREATE TEMPORARY VIEW baitings AS
SELECT
    MAX(`symbol`) AS `symbol`,
    MAX(`trader_id`) AS `trader_id`,
    COUNT(DISTINCT `filled_order_id`) AS `cycles`,
    COUNT(DISTINCT `order_id`) AS `orders`,
    COUNT(DISTINCT `price`) AS `prices`,
    SUM(CAST(`quantity` AS DOUBLE) / `usual_quantity`) AS `sizes`,
    MIN(`placed_at`) AS `begin`,
    MAX(`event_time`) AS `end`,
    ARRAY_AGG(`order_id`) AS `order_ids`
FROM TABLE(SESSION(TABLE baits PARTITION BY `account`, DESCRIPTOR(`rowtime`), INTERVAL '3' MINUTE)) -- noqa: PRS, CP02
GROUP BY `account`, `window_start`, `window_end`;
