"""Reconciliation as asset checks: computed together, each told of the asset that it is about."""

from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    Failure,
    MetadataValue,
    multi_asset_check,
)

from orchestration.external import MARKET, Key, external, wrote
from orchestration.steps import RETRIES
from streaming.contracts.settings import settings

REPORT: Key = ("reconciliation", "report")

ABOUT: dict[str, tuple[Key, str]] = {
    "caught_up": (REPORT, "Every store has passed the cut"),
    "trades": (("market", "trades"), "Every trade is in Kafka, Iceberg and the ledger, the same in every field"),
    "corporate_actions": (
        ("market", "corporate_actions"),
        "Every split and dividend is in Kafka, Iceberg and the ledger, the same in every field",
    ),
    "order_events": (("market", "order_events"), "Kafka and Iceberg hold the same order events"),
    "market_status": (("market", "market_status"), "Kafka and Iceberg hold the same market status"),
    "prices": (("market", "prices"), "Iceberg has a row for each item of Kafka's prices"),
    "book_snapshots": (("market", "book_snapshots"), "Iceberg has a row for each item of Kafka's book snapshots"),
    "sequences": (REPORT, "What the exchange says of a symbol is numbered 1, 2, 3, … without a gap"),
    "filled": (("market", "order_events"), "No order was filled or taken off beyond its total"),
    "cash_conserved": (("postgres", "balances"), "No dollar came or went"),
    "shares_conserved": (("postgres", "balances"), "No share came or went, of any symbol"),
    "double_entry": (("postgres", "postings"), "Each entry sums to zero in every asset, and each trade has its entry"),
    "balances": (
        ("postgres", "balances"),
        "Recomputed from endowments, trades and corporate actions they are the ledger's",
    ),
    "portfolio_updates": (("market", "portfolio_updates"), "Kafka and Iceberg hold the ledger's outbox, without a gap"),
    "bars": (("market", "bars_1m"), "Every closed minute's trades are in its bar, none left out as late"),
    "breaches": (("postgres", "trades"), "Nobody traded what they did not have"),
}
"""The asset that each check of orchestration.reconciliation is about, and what it says."""

AFTER = [AssetKey(["lakehouse", "compaction"]), AssetKey(["marts", "portfolio_value"])]
"""What must be over before in a run that does both: compaction must not have changed a row."""

REPORT_SPEC = external(
    REPORT,
    "Every trade in Kafka, the lake and the ledger; cash and shares conserved; positions equal to their trades.",
    ("python",),
    deps=sorted({asset for asset, _ in ABOUT.values()} - {REPORT} | {("kafka", "trades"), ("kafka", "order_events")}),
    owners=MARKET,
)


@multi_asset_check(
    name="reconciliation",
    specs=[
        AssetCheckSpec(name, asset=AssetKey(list(asset)), description=description, additional_deps=AFTER)
        for name, (asset, description) in ABOUT.items()
    ],
    description="Kafka against Iceberg against PostgreSQL at one cut; a difference fails the run.",
    retry_policy=RETRIES,  # of stores that do not answer: a difference is not looked for twice
)
def reconciliation(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
    """Reconcile once; every check tells what it found."""
    from orchestration.reconciliation import reconcile
    from orchestration.reconciliation.history import keep
    from orchestration.reconciliation.model import SHOWN

    report = reconcile(settings(), lambda words: context.log.info(words))
    run_id = keep(settings(), report, "dagster")
    for check in report.checks:
        metadata: dict[str, Any] = {name: said for name, said in check.stores.items() if said is not None}
        if check.sample:
            metadata["sample"] = MetadataValue.md("\n".join(f"- {line}" for line in check.sample[:SHOWN]))
        yield AssetCheckResult(
            check_name=check.name,
            asset_key=AssetKey(list(ABOUT[check.name][0])),
            passed=check.passed,
            severity=AssetCheckSeverity.ERROR,
            metadata={**metadata, "differences": check.differences},
        )
    context.op_execution_context.log_event(
        wrote(
            REPORT,
            {
                "agreed": report.passed,
                "checks": len(report.checks),
                "seconds": round(report.seconds, 3),
                "differences": sum(check.differences for check in report.checks),
                "events": sum(report.cut.values()),
                "history_run": run_id,
                "cut": MetadataValue.json(report.cut),
            },
        )
    )
    if not report.passed:
        wrong = [check.name for check in report.checks if not check.passed]
        raise Failure(
            f"The stores differ: {', '.join(wrong)}. Row by row: `tickhouse reconcile --history --run {run_id}`",
            allow_retries=False,
        )
