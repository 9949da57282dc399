"""dbt within a process of its own: a module, so that the process can import it."""

from __future__ import annotations

import os

from streaming.contracts.settings import settings


def run_dbt(arguments: list[str]) -> None:
    """Invoke dbt on this stack; AssertionError where it fails. Spark stays for the next invocation."""
    from dbt.cli.main import dbtRunner

    from orchestration.defs.dbt.environment import environment
    from orchestration.defs.dbt.project import DBT

    here = settings()
    os.environ.update(environment(here))
    folder = str(here.home / "dbt" / "test")
    places = ["--project-dir", str(DBT), "--profiles-dir", str(DBT), "--target-path", folder, "--log-path", folder]
    done = dbtRunner().invoke([*arguments, *places])
    assert done.success, done.exception or done.result
