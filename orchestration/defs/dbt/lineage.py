"""Of which columns a model's columns are made: read from the SQL that dbt ran, told with each materialisation.

dagster-dbt's own column lineage asks the database for every table's columns, and loses them at ephemeral models.
Here they come from the contracts: the models' in dbt, the raw tables' in `lakehouse.tables`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dagster import AssetKey, MetadataValue, TableColumnDep, TableColumnLineage
from sqlglot import MappingSchema, exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

from lakehouse.tables import REFERENCE_TABLES, TABLES

DIALECT = "spark"
COLUMN_LINEAGE = "dagster/column_lineage"


class Lineage:
    """The columns of a manifest's models, given the SQL in dbt's target folder; `keys` are the assets of its nodes."""

    def __init__(self, manifest: Mapping[str, Any], target: Path, keys: Mapping[str, AssetKey]) -> None:
        self._nodes = manifest["nodes"]
        self._compiled = target / "compiled" / manifest["metadata"]["project_name"]
        self._schema = MappingSchema(dialect=DIALECT)
        self._owners: dict[str, AssetKey] = {}
        raw = {table.identifier: [field.name for field in table.schema.fields] for table in TABLES + REFERENCE_TABLES}
        for node in (*self._nodes.values(), *manifest["sources"].values()):
            if not node.get("relation_name") or node["unique_id"] not in keys:
                continue
            name = node["relation_name"].replace("`", "")
            columns = node["columns"] or raw.get(name)
            if columns:  # a snapshot has none; no model reads one
                self._schema.add_table(name, dict.fromkeys(columns, "string"), dialect=DIALECT)
            self._owners[name] = keys[node["unique_id"]]

    def of(self, unique_id: str) -> TableColumnLineage | None:
        """The lineage of a model that was built; None for a seed, a snapshot, and SQL that sqlglot cannot follow."""
        node = self._nodes[unique_id]
        file = self._compiled / node["original_file_path"]
        if node["resource_type"] != "model" or not file.is_file():
            return None
        try:
            found = lineage(None, file.read_text(encoding="utf-8"), self._schema, dialect=DIALECT)
        except SqlglotError:
            return None
        return TableColumnLineage({column: self._sources(top) for column, top in found.items()})

    def told(self, events: Iterable[Any]) -> Iterator[Any]:
        """dbt's events, those of models with their lineage."""
        for event in events:
            told = getattr(event, "metadata", None) or {}
            unique_id = str(getattr(told.get("unique_id"), "value", ""))
            made = self.of(unique_id) if unique_id in self._nodes and hasattr(event, "with_metadata") else None
            yield event.with_metadata({**told, COLUMN_LINEAGE: MetadataValue.column_lineage(made)}) if made else event

    def _sources(self, top: Node) -> list[TableColumnDep]:
        """Only the leaves are columns of tables."""
        found = set()
        for node in top.walk():
            table = None if node.downstream else node.expression.find(exp.Table)
            if table is None:
                continue
            owner = self._owners.get(".".join(part.name for part in table.parts))
            if owner is not None:
                found.add((owner, exp.to_column(node.name).name))
        return [TableColumnDep(asset_key=owner, column_name=column) for owner, column in sorted(found)]
