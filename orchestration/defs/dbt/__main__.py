"""dbt for a person: `python -m orchestration.defs.dbt build --select marts`, with this stack's addresses."""

from __future__ import annotations

import os
import sys

from orchestration.defs.dbt.environment import environment
from orchestration.defs.dbt.project import DBT, EXECUTABLE
from streaming.contracts.settings import settings


def main(arguments: list[str]) -> None:
    """Become dbt."""
    here = settings()
    folder = str(here.home.absolute() / "dbt" / "by_hand")
    addresses = {
        "DBT_PROJECT_DIR": str(DBT),
        "DBT_PROFILES_DIR": str(DBT),
        "DBT_TARGET_PATH": folder,
        "DBT_LOG_PATH": folder,
    }
    os.execve(EXECUTABLE, [str(EXECUTABLE), *arguments], {**os.environ, **environment(here), **addresses})  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
