"""What people look at."""

from dagster import Definitions

from orchestration.external import external

DASHBOARDS = {
    "market_dashboard": (
        "Market performance: candlesticks, turnover, volatility, spreads, auctions and halts.",
        [
            ("market", "bars_1m"),
            ("reference", "instruments"),
            ("marts", "daily_market_summary"),
            ("marts", "bars_1h"),
            ("marts", "spreads_daily"),
            ("marts", "liquidity_daily"),
            ("marts", "auctions"),
            ("marts", "halts"),
        ],
    ),
    "health_dashboard": (
        "Surveillance and platform health: alerts and how good they are, freshness of tables, dead letters.",
        [("market", "alerts"), ("market", "dead_letters"), ("marts", "surveillance_scores")],
    ),
}

definitions = Definitions(
    assets=[
        external(("superset", name), f"Superset, over Trino. {description}", ("superset", "trino"), deps=deps)
        for name, (description, deps) in DASHBOARDS.items()
    ]
)
