"""The Flink jobs between the topics and the tables."""

from __future__ import annotations

from orchestration.external import Key, external
from streaming.flink import pipelines

RAW: Key = ("flink", "raw")
ANALYTICS: Key = ("flink", "analytics")
SURVEILLANCE: Key = ("flink", "surveillance")

FROM_TOPICS = (
    "order_events",
    "trades",
    "prices",
    "book_snapshots",
    "market_status",
    "corporate_actions",
    "portfolio_updates",
    "dead_letters",
    "ground_truth",
)
"""Topics whose items the raw job writes as they are. (It writes alerts too, which the other jobs make.)"""


def written_by(table: str) -> Key:
    """The job that writes a table, `namespace.table`; KeyError where none does."""
    for job in (RAW, ANALYTICS):
        if table in pipelines.tables_written(job[1]):
            return job
    raise KeyError(table)


JOB_SPECS = [
    external(
        RAW,
        "Flink SQL: every topic into an Iceberg table, item by item, exactly once.",
        ("flink", "sql"),
        deps=[("kafka", name) for name in (*FROM_TOPICS, "alerts")],
    ),
    external(
        ANALYTICS,
        "Flink SQL: one-minute bars with moving average and volatility, and price moves in robust z-scores.",
        ("flink", "sql"),
        deps=[("kafka", "trades")],
    ),
    external(
        SURVEILLANCE,
        "Flink SQL: a rule for each kind of abuse, for price spikes, volume surges and stale quotes.",
        ("flink", "sql"),
        deps=[("kafka", name) for name in ("order_events", "trades", "prices")],
    ),
]
