"""Tells Dagster what the streams committed to the lake."""

from __future__ import annotations

from dagster import DefaultSensorStatus, MetadataValue, SensorEvaluationContext, SensorResult, SkipReason, sensor

from orchestration.changes import changed
from orchestration.defs.lakehouse.assets import TABLE_KEYS
from orchestration.external import wrote
from orchestration.steps import TRADING_DAYS
from streaming.contracts.settings import settings

TRADES = "market.trades"


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Reports each table that has a new snapshot: its id, and the table's rows, files and bytes. Adds new "
    "trading days to the partitions of `market_days`.",
)
def lake_progress(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    """One materialisation for each table with a new snapshot."""
    from pyiceberg.exceptions import NoSuchTableError
    from sqlalchemy.exc import OperationalError

    from lakehouse.progress import days_held, table_states

    try:
        states = {state.table: state for state in table_states(settings())}
        names, cursor = changed(context.cursor, {name: state.snapshot_id for name, state in states.items()})
        days = days_held(settings(), TRADES) if TRADES in names else []
    except OperationalError:
        return SkipReason("PostgreSQL, which keeps the catalog, does not answer")
    except NoSuchTableError as error:
        return SkipReason(f"The tables are not made yet: {error}")
    known = set(context.instance.get_dynamic_partitions(str(TRADING_DAYS.name)))
    return SensorResult(
        asset_events=[
            wrote(
                TABLE_KEYS[name],
                {
                    "dagster/row_count": states[name].rows,
                    "snapshot_id": str(states[name].snapshot_id),
                    "committed": MetadataValue.text(f"{states[name].committed:%Y-%m-%d %H:%M:%S} UTC"),
                    "files": states[name].files,
                    "bytes": states[name].bytes,
                },
            )
            for name in names
        ],
        dynamic_partitions_requests=[TRADING_DAYS.build_add_request([day for day in days if day not in known])],
        cursor=cursor,
    )
