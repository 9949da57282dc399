insert into reference.instruments (
    symbol, name, sector, tick_size, lot_size, max_quantity, collar_bps, luld_tier, initial_price
)
values (
    %(symbol)s, %(name)s, %(sector)s, %(tick_size)s, %(lot_size)s, %(max_quantity)s, %(collar_bps)s, %(luld_tier)s,
    %(initial_price)s
)
on conflict (symbol) do update set
    name = excluded.name, sector = excluded.sector, tick_size = excluded.tick_size, lot_size = excluded.lot_size,
    max_quantity = excluded.max_quantity, collar_bps = excluded.collar_bps, luld_tier = excluded.luld_tier,
    initial_price = excluded.initial_price
