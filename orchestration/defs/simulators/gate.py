"""Whether the newest history run looks like a real market: its stylised facts, as an asset and its check."""

import base64

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    MaterializeResult,
    MetadataValue,
    asset,
)

from orchestration.external import MARKET
from streaming.contracts.settings import settings

REALISM = ("simulators", "realism")
ENOUGH = "enough_facts_hold"
MONTH = 20
"""Trading days from which on too few facts are an error."""


@asset(
    key=list(REALISM),
    deps=[["simulators", "history"]],
    group_name="simulators",
    kinds={"python"},
    owners=MARKET,
    description="The stylised facts of the newest history run, each judged by bounds from the literature.",
    check_specs=[
        AssetCheckSpec(
            ENOUGH, asset=AssetKey(list(REALISM)), description="At least 12 of the facts hold (docs/realism.md)"
        )
    ],
)
def realism(context: AssetExecutionContext) -> MaterializeResult:  # type: ignore[type-arg]  # with checks Dagster wants it bare
    """Measure the files of the newest run under `<home>/history`."""
    from simulators.realism import plots, report
    from simulators.realism.bounds import COUNTED, REQUIRED
    from simulators.realism.command import measure_days
    from simulators.realism.market_data import newest_run, run_days

    folder = newest_run(settings().home)
    days = run_days(folder)
    context.log.info("%s: %d days", folder.name, len(days))
    measured = measure_days(days)
    failing = [verdict.fact.title for verdict in measured.verdicts if verdict.fact.counted and not verdict.holds]
    return MaterializeResult(
        metadata={
            "run": folder.name,
            "facts": MetadataValue.md(report.markdown(measured)),
            "facts_that_hold": measured.holding,
            **{name: MetadataValue.md(embedded(name, image)) for name, image in plots.images(measured).items()},
        },
        check_results=[
            AssetCheckResult(
                check_name=ENOUGH,
                passed=measured.passed,
                # The bounds are of a month: a few days may fall short of them by chance.
                severity=AssetCheckSeverity.ERROR if len(days) >= MONTH else AssetCheckSeverity.WARN,
                metadata={
                    "hold": measured.holding,
                    "counted": COUNTED,
                    "required": REQUIRED,
                    "do_not_hold": MetadataValue.md("\n".join(f"- {title}" for title in failing) or "none"),
                },
            )
        ],
    )


def embedded(name: str, image: bytes) -> str:
    """A PNG within Markdown, as a data URI."""
    return f"![{name}](data:image/png;base64,{base64.b64encode(image).decode()})"
