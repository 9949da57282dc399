"""dbt's models, snapshots and tests as Dagster sees them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dagster import AssetDep, AssetExecutionContext, AssetKey, AssetSpec
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from lakehouse.publication import SUFFIX, audited
from orchestration.defs.dbt.environment import environment, within
from orchestration.defs.dbt.lineage import Lineage
from orchestration.defs.dbt.project import DBT, EXECUTABLE, manifest
from orchestration.external import MARKET
from orchestration.steps import NIGHTLY, SPARK
from streaming.contracts.settings import settings

# Unit tests are about the SQL, not the data: they are run where the SQL is changed, not every night.
BUILD = ["build", "--exclude-resource-type", "unit_test"]
COMPACTION = AssetKey(["lakehouse", "compaction"])


class Translator(DagsterDbtTranslator):
    """Groups by schema, and builds models from the raw tables after these have been compacted."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> AssetSpec:
        """dagster-dbt's spec, in the group of its schema; tables are Iceberg's."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        if unique_id.startswith("source."):
            return spec
        reads_raw = any(dep.asset_key.path[0] == "market" for dep in spec.deps)
        schema = self.get_resource_props(manifest, unique_id)["schema"].removesuffix(SUFFIX)
        return spec.replace_attributes(
            key=AssetKey([schema, spec.key.path[-1]]),
            group_name=schema,
            kinds={"dbt", "iceberg", "spark"},
            owners=MARKET,
            freshness_policy=NIGHTLY,
            deps=[*spec.deps, AssetDep(COMPACTION)] if reads_raw else spec.deps,
        )


@dbt_assets(
    manifest=manifest(),
    dagster_dbt_translator=Translator(),
    name="dbt_models",
    pool=SPARK,
)
def dbt_models(context: AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """`dbt build`: each model, and its data tests after it; published if all of them pass."""
    here = settings()
    with audited(here):
        with within(environment(here)):
            target = here.home.absolute() / "dbt" / context.run.run_id
            invocation = dbt.cli(BUILD, context=context, target_path=target)
        yield from lineage(target).told(invocation.stream())


def lineage(target: Path) -> Lineage:
    """The lineage of columns, from the SQL that dbt writes into its target folder."""
    parsed = json.loads(manifest().read_text(encoding="utf-8"))
    tables = [*parsed["sources"], *(name for name in parsed["nodes"] if not name.startswith(("test.", "unit_test.")))]
    keys = {name: Translator().get_asset_spec(parsed, name, None).key for name in tables}
    return Lineage(parsed, target, keys)


def dbt_cli() -> DbtCliResource:
    """The dbt command of this Python's environment."""
    return DbtCliResource(project_dir=str(DBT), profiles_dir=str(DBT), dbt_executable=str(EXECUTABLE))
