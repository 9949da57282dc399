"""The exchange itself."""

from dagster import Definitions

from orchestration.external import MARKET, external

ENGINE = ("matching", "engine")

definitions = Definitions(
    assets=[
        external(
            ENGINE,
            "One order book per symbol, hosted by Quix Streams, exactly once: commands in; trades, prices, order "
            "events, book snapshots and market status out.",
            ("python", "quix"),
            deps=[("kafka", "orders")],
            owners=MARKET,
        )
    ]
)
