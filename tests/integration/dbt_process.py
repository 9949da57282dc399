"""dbt within a process of its own: a module, so that the process can import it."""

from __future__ import annotations

import os

from streaming.contracts.settings import settings


def run_dbt(arguments: list[str]) -> None:
    """Invoke dbt on this stack and publish; AssertionError where it fails. Spark stays for the next invocation."""
    from dbt.cli.main import dbtRunner

    from lakehouse.publication import audited
    from orchestration.defs.dbt.environment import environment
    from orchestration.defs.dbt.project import DBT

    here = settings()
    os.environ.update(environment(here))
    folder = str(here.home / "dbt" / "test")
    places = ["--project-dir", str(DBT), "--profiles-dir", str(DBT), "--target-path", folder, "--log-path", folder]
    with audited(here):
        done = dbtRunner().invoke([*arguments, *places])
        assert done.success, str(done.exception or done.result)  # the objects cannot cross to another process
