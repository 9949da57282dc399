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
    "portfolio_dashboard": (
        "Portfolio summary: value, profit and where it comes from, holdings, returns.",
        [
            ("reference", "traders"),
            ("reference", "instruments"),
            ("marts", "portfolio_value"),
            ("marts", "profit_and_loss"),
            ("marts", "portfolio_performance"),
            ("marts", "attribution"),
        ],
    ),
    "risk_dashboard": (
        "Risk: value at risk and how right it was, drawdowns, stress tests, correlations.",
        [
            ("reference", "traders"),
            ("marts", "portfolio_returns"),
            ("marts", "portfolio_risk"),
            ("marts", "risk_backtest"),
            ("marts", "stress_tests"),
            ("marts", "symbol_correlations"),
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
