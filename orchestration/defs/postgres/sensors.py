"""Tells Dagster what settlement wrote."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from dagster import DefaultSensorStatus, SensorEvaluationContext, SensorResult, SkipReason, sensor

from orchestration.changes import changed
from orchestration.external import wrote
from streaming.contracts.settings import Settings, settings

SHOWN = {
    "entries": ("postings", "balances", "trades"),
    "updates": ("outbox",),
    "users": ("users",),
    "instruments": ("instruments",),
}
"""The assets that each counter tells of."""


def counters(settings: Settings) -> dict[str, int]:
    """The ledger's counters; psycopg.OperationalError without an answer, UndefinedTable before migration."""
    import psycopg
    from psycopg.rows import dict_row

    query = (files("orchestration.defs.postgres") / "sql" / "progress.sql").read_bytes()
    with psycopg.connect(settings.postgres(role="reader"), row_factory=dict_row, connect_timeout=10) as connection:
        row: dict[str, Any] | None = connection.execute(query).fetchone()
    return dict(row or {})


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Reports what settlement has posted: journal entries, updates in the outbox, and breaches.",
)
def ledger_progress(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    """One materialisation for each table whose counter moved."""
    import psycopg

    try:
        now = counters(settings())
    except psycopg.Error as error:
        return SkipReason(f"The ledger cannot be read: {error}")
    names, cursor = changed(context.cursor, {name: now[name] or None for name in SHOWN})
    return SensorResult(
        asset_events=[
            wrote(("postgres", asset), {name: now[name], "breaches": now["breaches"]})
            for name in names
            for asset in SHOWN[name]
        ],
        cursor=cursor,
    )
