"""Days are tagged after each reconciliation, and not otherwise."""

from __future__ import annotations

from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetSelection,
    DagsterInstance,
    Definitions,
    evaluate_automation_conditions,
)

from orchestration.defs.lakehouse.tags import day_tags
from orchestration.defs.reconciliation.checks import REPORT_SPEC


def test_a_new_report_asks_for_tags_once() -> None:
    defs = Definitions(assets=[day_tags, REPORT_SPEC.replace_attributes(deps=[])])
    with DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(AssetMaterialization(day_tags.key))
        only = AssetSelection.assets(day_tags)
        result = evaluate_automation_conditions(defs, instance, only)
        asked = []
        for new_report in (False, True, False):
            if new_report:
                instance.report_runless_asset_event(AssetMaterialization(AssetKey(["reconciliation", "report"])))
            result = evaluate_automation_conditions(defs, instance, only, cursor=result.cursor)
            asked.append(result.total_requested)
    assert asked == [0, 1, 0]
