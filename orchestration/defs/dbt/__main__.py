"""dbt for a person, with this stack's addresses.

`python -m orchestration.defs.dbt build --select bars_1d+` builds, tests and, where all tests pass, publishes. Every
other command is dbt's own, on what was built last: a `run` is seen by nobody, and is gone with the next build.
"""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg

from lakehouse.publication import BeingBuiltError, audited
from orchestration.defs.dbt.environment import environment
from orchestration.defs.dbt.project import DBT, EXECUTABLE
from streaming.contracts.settings import settings


class _FailedError(Exception):
    """dbt did, and has said why."""


def main(arguments: list[str]) -> int:
    """Run dbt; its exit code, or 2 where nothing could be begun."""
    here = settings()
    folder = str(here.home.absolute() / "dbt" / "by_hand")
    addresses = {
        "DBT_PROJECT_DIR": str(DBT),
        "DBT_PROFILES_DIR": str(DBT),
        "DBT_TARGET_PATH": folder,
        "DBT_LOG_PATH": folder,
    }
    command, variables = [str(EXECUTABLE), *arguments], {**os.environ, **environment(here), **addresses}
    if arguments[:1] != ["build"]:
        return subprocess.run(command, env=variables, check=False).returncode
    try:
        with audited(here):
            if subprocess.run(command, env=variables, check=False).returncode:
                raise _FailedError
    except _FailedError:
        print("Nothing was published: the marts are as they were.", file=sys.stderr)  # noqa: T201
        return 1
    except BeingBuiltError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    except psycopg.OperationalError as error:
        print(f"PostgreSQL, which keeps the catalog, does not answer: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
