"""What people look at."""

from dagster import Definitions

from orchestration.external import external

DASHBOARD = ("superset", "market_dashboard")

definitions = Definitions(
    assets=[
        external(
            DASHBOARD,
            "Superset's dashboard, over Trino: prices and volume, top portfolios, value at risk.",
            ("superset", "trino"),
            deps=[
                ("market", "bars_1m"),
                ("market", "alerts"),
                ("marts", "daily_market_summary"),
                ("marts", "portfolio_value"),
                ("marts", "profit_and_loss"),
                ("marts", "portfolio_returns"),
            ],
        )
    ]
)
