-- Price spike: within five minutes the price goes six times as far as is usual for the symbol. (price_move, in the
-- analytics job, judges single minutes by the hour before them.)
CREATE TEMPORARY VIEW spikes AS
SELECT
    *,
    COUNT(*) OVER last_two AS `alerts`,
    FIRST_VALUE(`event_time`) OVER last_two AS `alerted`
FROM judged
WHERE `known` >= 100 AND ABS(`move`) >= 6 * `usual_move`
WINDOW last_two AS (PARTITION BY `symbol` ORDER BY `rowtime` ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW price_spike AS
SELECT
    'price_spike' AS `rule`,
    `symbol`,
    ARRAY_REMOVE(ARRAY[`buyer_id`], `buyer_id`) AS `trader_ids`,
    ARRAY_REMOVE(ARRAY[`bid_id`], `bid_id`) AS `order_ids`,
    `event_time` - 300000000 AS `begin`,
    `event_time` AS `end`,
    `move` / `usual_move` AS `score`,
    6e0 AS `threshold`,
    `price`,
    `event_time`
FROM spikes
WHERE `alerts` = 1 OR `event_time` - `alerted` > 1800000000;
