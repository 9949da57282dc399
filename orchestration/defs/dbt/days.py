"""Single trading days of the marts, built again: a job with a partition a day, so that a range can be backfilled."""

import json
from collections.abc import Iterator
from typing import Any

from dagster import Nothing, OpExecutionContext, Out, job, op
from dagster_dbt import DbtCliResource

from lakehouse.publication import audited
from orchestration.defs.dbt.assets import BUILD, Translator, lineage
from orchestration.defs.dbt.environment import environment, within
from orchestration.defs.dbt.project import manifest
from orchestration.steps import SPARK, TRADING_DAYS
from streaming.contracts.settings import settings

INCREMENTAL = "config.materialized:incremental+"
"""The models that are built day by day, and what depends on them."""


@op(out=Out(Nothing), pool=SPARK, description="dbt builds one day of the incremental models, and what depends on them.")
def build_days(context: OpExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """`dbt build` of one day; every model tells Dagster that it was made."""
    here = settings()
    command = [*BUILD, "--select", INCREMENTAL, "--vars", json.dumps({"trading_days": [context.partition_key]})]
    with audited(here):
        with within(environment(here)):
            target = here.home.absolute() / "dbt" / context.run_id
            invocation = dbt.cli(
                command,
                context=context,
                manifest=manifest(),
                dagster_dbt_translator=Translator(),
                target_path=target,
            )
        yield from lineage(target).told(invocation.stream())


@job(partitions_def=TRADING_DAYS, description="Builds given trading days of the market's marts again.")
def market_days() -> None:
    """One day, or a range of days by a backfill."""
    build_days()
