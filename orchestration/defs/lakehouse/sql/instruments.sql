SELECT
    symbol,
    name,
    sector,
    tick_size::numeric / 10000 AS tick_size,
    lot_size,
    max_quantity,
    collar_bps,
    luld_tier,
    initial_price::numeric / 10000 AS initial_price
FROM reference.instruments
ORDER BY symbol
