"""The PyFlink program: submits the SQL pipelines of this folder, one Flink job for each folder of `sql/`.

It runs in Flink's own environment, where nothing of this project is installed: standard library and pyflink only.
What it needs comes as JSON in the environment variable TICKHOUSE_PIPELINES (see `submit.py`), so that passwords
are on no command line.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SQL = Path(__file__).parent / "sql"
VARIABLE = "TICKHOUSE_PIPELINES"

# Everything that a pipeline needs of Flink to be exact, so that it does not depend on how the cluster was set up.
CONFIGURATION = {
    "table.local-time-zone": "UTC",
    "table.exec.sink.not-null-enforcer": "ERROR",
    "parallelism.default": "1",
    "pipeline.object-reuse": "true",
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "execution.checkpointing.timeout": "10 min",
    "execution.checkpointing.tolerable-failed-checkpoints": "100",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "execution.checkpointing.num-retained": "3",
    # Never gives up: what is wrong (a broker or a database that is down) is put right outside.
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.initial-backoff": "1 s",
    "restart-strategy.exponential-delay.max-backoff": "30 s",
}


def statements(text: str, values: Mapping[str, Any]) -> Iterator[str]:
    """The statements of a SQL file, without comments, `${name}` put in as SQL text; KeyError for an unknown name."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    for statement in re.split(r";\s*(?:\n|$)", code):
        if statement.strip():
            yield re.sub(r"\$\{(\w+)\}", lambda match: sql_text(values[match[1]]), statement.strip())


def sql_text(value: str | Mapping[str, str]) -> str:
    """A value as it stands between quotes; a mapping as the options of a WITH, quotes and all."""
    if isinstance(value, str):
        return value.replace("'", "''")
    return ", ".join(f"'{sql_text(name)}' = '{sql_text(each)}'" for name, each in value.items())


def files(folder: str) -> list[Path]:
    """The SQL files of a job, in the order of their names."""
    return sorted((SQL / folder).glob("*.sql"))


def tables_written(folder: str) -> list[str]:
    """The tables of the lake, `namespace.table`, that a job writes."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in files(folder))
    return re.findall(r"^INSERT INTO lake\.(\w+\.\w+)", text, re.MULTILINE)


def submit(job: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Start one job: all INSERTs of its folder as one statement set. Returns Flink's job id."""
    from pyflink.table import EnvironmentSettings, TableEnvironment

    table_env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for option, value in {**CONFIGURATION, **job["configuration"]}.items():
        table_env.get_config().set(option, value)
    inserts = table_env.create_statement_set()
    for file in (SQL / "catalog.sql", *files(job["folder"])):
        for statement in statements(file.read_text(encoding="utf-8"), values):
            if statement.startswith("INSERT"):
                inserts.add_insert_sql(statement)
            else:
                table_env.execute_sql(statement)
    if os.environ.get("TICKHOUSE_EXPLAIN"):
        sys.stdout.write(inserts.explain())
    client = inserts.execute().get_job_client()
    return str(client.get_job_id())


def main() -> None:
    """Submit every job asked for; prints `name id` lines."""
    asked = json.loads(os.environ[VARIABLE])
    for job in asked["jobs"]:
        sys.stdout.write(f"submitted {job['configuration']['pipeline.name']} {submit(job, asked['values'])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
