"""Tags each trading day that is over, when a reconciliation has proven it: what reports of the day read."""

from typing import Any

from dagster import (
    AssetExecutionContext,
    AutomationCondition,
    AutomationConditionSensorDefinition,
    DefaultSensorStatus,
    MaterializeResult,
    asset,
)

from orchestration.external import PLATFORM
from orchestration.steps import RETRIES
from streaming.contracts.settings import settings


@asset(
    key=["lakehouse", "day_tags"],
    deps=[["reconciliation", "report"]],
    group_name="lakehouse",
    kinds={"iceberg", "python"},
    owners=PLATFORM,
    retry_policy=RETRIES,
    automation_condition=AutomationCondition.eager(),
    description="Tags such as `day-2026-01-05` of every market table, for reports that can be made again; they hold "
    "their snapshot for 90 days. A day is tagged when it is over and a reconciliation up to its end has passed.",
)
def day_tags(context: AssetExecutionContext) -> MaterializeResult[Any]:
    """Tag the proven days that have no tag yet."""
    from lakehouse.tags import tag_days
    from orchestration.reconciliation.history import proven

    made = tag_days(settings(), proven(settings()))
    for table, names in made.items():
        context.log.info("%s: %s", table, ", ".join(names) or "no new tag")
    return MaterializeResult(metadata={"new_tags": sum(map(len, made.values()))})


tags_after_reconciliation = AutomationConditionSensorDefinition(
    "tags_after_reconciliation",
    target=[day_tags],
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
    description="Tags days whenever there is a new report of a reconciliation.",
)
