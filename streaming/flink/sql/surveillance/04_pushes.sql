-- How hard each account pushed the price, and whether it had stood on that side alone: what it took in a few minutes,
-- its share of the volume, and how far the price went meanwhile, in the symbol's usual moves.
CREATE TEMPORARY VIEW three_minutes AS
SELECT
    *,
    SUM(CASE WHEN `is_aggressive` THEN `sign` * `quantity` ELSE 0 END) OVER lately AS `pushed`,
    COUNT(CASE WHEN `is_aggressive` THEN 1 END) OVER lately AS `times`,
    `volume` - FIRST_VALUE(`volume` - `quantity`) OVER lately AS `traded`,
    LN(CAST(`price` AS DOUBLE) / FIRST_VALUE(`before`) OVER lately) / `usual_move` AS `moves`
FROM fills
WINDOW lately AS (
    PARTITION BY `symbol`, `trader_id`
    ORDER BY `rowtime` RANGE BETWEEN INTERVAL '3' MINUTE PRECEDING AND CURRENT ROW
);

-- The usual move is one of five minutes; in a longer time it grows with the root of it.
CREATE TEMPORARY VIEW fifteen_minutes AS
SELECT
    *,
    SUM(CASE WHEN `is_aggressive` THEN `sign` * `quantity` ELSE 0 END) OVER lately AS `pushed_long`,
    COUNT(CASE WHEN `is_aggressive` THEN 1 END) OVER lately AS `times_long`,
    `volume` - FIRST_VALUE(`volume` - `quantity`) OVER lately AS `traded_long`,
    LN(CAST(`price` AS DOUBLE) / FIRST_VALUE(`before`) OVER lately) / `usual_move` / SQRT(3e0) AS `moves_long`
FROM three_minutes
WINDOW lately AS (
    PARTITION BY `symbol`, `trader_id`
    ORDER BY `rowtime` RANGE BETWEEN INTERVAL '15' MINUTE PRECEDING AND CURRENT ROW
);

-- On which side the account stood in its last thirty fills, be they of yesterday: just after the open, three quarters
-- of an hour hold too few to tell.
CREATE TEMPORARY VIEW leaning AS
SELECT
    *,
    SUM(`sign` * `quantity`) OVER last_fills AS `net`,
    SUM(`quantity`) OVER last_fills AS `gross`
FROM fifteen_minutes
WINDOW last_fills AS (
    PARTITION BY `symbol`, `trader_id` ORDER BY `rowtime` ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
);

CREATE TEMPORARY VIEW sided AS
SELECT
    *,
    SUM(GREATEST(`sign`, 0) * `quantity`) OVER lately AS `bought`,
    SUM(GREATEST(-`sign`, 0) * `quantity`) OVER lately AS `sold`,
    COUNT(CASE WHEN `sign` > 0 THEN 1 END) OVER lately AS `buys`,
    COUNT(CASE WHEN `sign` < 0 THEN 1 END) OVER lately AS `sales`,
    MIN(`event_time`) OVER lately AS `begin`,
    ARRAY_AGG(`order_id`) OVER lately AS `order_ids`
FROM leaning
WINDOW lately AS (
    PARTITION BY `symbol`, `trader_id`
    ORDER BY `rowtime` RANGE BETWEEN INTERVAL '45' MINUTE PRECEDING AND CURRENT ROW
);

-- A push counts if it goes the way that the price went, in three trades or more that are a third of the volume and five
-- times as much as one trade usually is, and the account did hardly anything else for three quarters of an hour: market
-- makers push too, but they stand on both sides. Its dominance is its share in all that was traded in fifteen minutes,
-- where it took twenty times a usual trade and more.
CREATE TEMPORARY VIEW pushes AS
SELECT
    *,
    CASE
        WHEN
            `known` >= 100 AND `times` >= 3 AND ABS(`pushed`) >= 5 * `usual_quantity`
            AND 3 * ABS(`pushed`) >= `traded` AND `pushed` * `moves` > 0
            AND 2 * (`bought` - `sold`) * SIGN(`moves`) >= `bought` + `sold` AND 2 * `net` * SIGN(`moves`) >= `gross`
            THEN `moves`
        ELSE 0e0
    END AS `push`,
    CASE
        WHEN
            `known` >= 100 AND `times_long` >= 3 AND ABS(`pushed_long`) >= 5 * `usual_quantity`
            AND 3 * ABS(`pushed_long`) >= `traded_long`
            AND `pushed_long` * `moves_long` > 0
            AND 2 * (`bought` - `sold`) * SIGN(`moves_long`) >= `bought` + `sold`
            AND 2 * `net` * SIGN(`moves_long`) >= `gross`
            THEN `moves_long`
        ELSE 0e0
    END AS `push_long`,
    CASE
        WHEN
            `known` >= 100 AND `pushed_long` >= 20 * `usual_quantity`
            AND 2 * (`bought` - `sold`) >= `bought` + `sold` AND 2 * `net` >= `gross`
            THEN CAST(`pushed_long` AS DOUBLE) / CAST(`traded_long` AS DOUBLE)
        ELSE 0e0
    END AS `dominance`
FROM sided;

CREATE TEMPORARY VIEW pushed_lately AS
SELECT
    *,
    GREATEST(MAX(`push`) OVER lately, 0e0) AS `push_up`,
    LEAST(MIN(`push`) OVER lately, 0e0) AS `push_down`,
    GREATEST(MAX(`push_long`) OVER lately, 0e0) AS `push_long_up`,
    MAX(`dominance`) OVER lately AS `dominance_up`
FROM pushes
WINDOW lately AS (
    PARTITION BY `symbol`, `trader_id`
    ORDER BY `rowtime` RANGE BETWEEN INTERVAL '45' MINUTE PRECEDING AND CURRENT ROW
);

-- What the account did in the hours before those 45 minutes.
CREATE TEMPORARY VIEW round_trips AS
SELECT
    *,
    SUM(GREATEST(`sign`, 0) * `quantity`) OVER lately AS `bought_long`,
    SUM(GREATEST(-`sign`, 0) * `quantity`) OVER lately AS `sold_long`,
    COUNT(CASE WHEN `sign` > 0 THEN 1 END) OVER lately - `buys` AS `buys_before`,
    COUNT(CASE WHEN `sign` < 0 THEN 1 END) OVER lately - `sales` AS `sales_before`,
    MIN(`event_time`) OVER lately AS `begin_long`,
    ARRAY_AGG(`order_id`) OVER lately AS `order_ids_long`
FROM pushed_lately
WINDOW lately AS (
    PARTITION BY `symbol`, `trader_id`
    ORDER BY `rowtime` RANGE BETWEEN INTERVAL '6' HOUR PRECEDING AND CURRENT ROW
);
