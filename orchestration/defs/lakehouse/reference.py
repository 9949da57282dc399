"""Copies PostgreSQL's reference tables into the lake, as the marts' dimensions."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from dagster import AssetExecutionContext, AssetSpec, MaterializeResult, multi_asset

from lakehouse.tables import REFERENCE_TABLES, TableDefinition
from orchestration.external import PLATFORM
from orchestration.steps import NIGHTLY, RETRIES
from streaming.contracts.settings import Settings, settings

FROM = {"instruments": "instruments", "traders": "users"}
"""The table of PostgreSQL behind each table of the lake."""


@multi_asset(
    name="reference_copy",
    specs=[
        AssetSpec(
            ["reference", definition.name],
            deps=[["postgres", FROM[definition.name]]],
            description=f"Iceberg table `lake.{definition.identifier}`: a copy of PostgreSQL's, prices in dollars.",
            group_name="reference",
            kinds={"iceberg", "python"},
            owners=PLATFORM,
            freshness_policy=NIGHTLY,
        )
        for definition in REFERENCE_TABLES
    ],
    retry_policy=RETRIES,
)
def reference_copy(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
    """Overwrite what differs; a table that is the same stays as it is."""
    for definition in REFERENCE_TABLES:
        rows, written = copy(settings(), definition)
        context.log.info("%s: %d rows%s", definition.identifier, rows, "" if written else ", unchanged")
        yield MaterializeResult(
            asset_key=["reference", definition.name], metadata={"dagster/row_count": rows, "changed": written}
        )


def copy(settings: Settings, definition: TableDefinition) -> tuple[int, bool]:
    """Copy one table. Returns its number of rows, and whether it had to be written.

    psycopg.Error where PostgreSQL cannot be read.
    """
    import psycopg
    import pyarrow as pa
    from psycopg.rows import dict_row
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    from lakehouse.catalog import catalog
    from lakehouse.tables import create_table

    query = (files("orchestration.defs.lakehouse") / "sql" / f"{definition.name}.sql").read_bytes()
    with psycopg.connect(settings.postgres(role="reader"), row_factory=dict_row) as connection:
        found: list[dict[str, Any]] = connection.execute(query).fetchall()
    lake = catalog(settings)
    try:
        table = create_table(lake, definition)
        rows = pa.Table.from_pylist(found, schema_to_pyarrow(table.schema(), include_field_ids=False))
        before = table.scan().to_arrow().cast(rows.schema).sort_by(definition.sort[0])
        if before.equals(rows):
            return rows.num_rows, False
        table.overwrite(rows)
    finally:
        lake.close()
    return rows.num_rows, True
