"""Where the compiled form of the pure market is, and how it takes the place of its source.

Set-up compiles the modules below with mypyc, if there is a C compiler (`stack.setup.compiling`); they lie under the
hash of their source, so a change of the source is never hidden by what was compiled before. With
`TICKHOUSE_INTERPRETED=1`, or where nothing was compiled, the source itself runs: the same, at a third of the speed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = (
    "book",
    "auction",
    "bands",
    "rules",
    "state",
    "matching",
    "orders",
    "sessions",
    "corporate",
    "saving",
    "views",
    "market",
    "answers",
)
GROUP = "tickhouse_matching"
LIBRARY = f"{GROUP}__mypyc"
"""The name that mypyc gives to the library in which the code of all modules lies."""
COMPLETE = ".complete"


@lru_cache
def folder() -> Path:
    """Where the compiled form of this very source belongs."""
    digest = hashlib.sha256(sys.version.encode())
    for module in MODULES:
        digest.update((HERE / f"{module}.py").read_bytes())
    return HERE.parents[1] / ".compiled" / digest.hexdigest()[:16]


def active() -> bool:
    """Whether the compiled form runs in this process."""
    return LIBRARY in sys.modules


def activate(path: list[str]) -> None:
    """Let the modules of the package with this `__path__` be imported in their compiled form, if there is one."""
    where = folder()
    if os.environ.get("TICKHOUSE_INTERPRETED", "0") not in ("", "0") or not (where / COMPLETE).exists():
        return
    found = next(where.glob(f"{LIBRARY}.*"))
    spec = importlib.util.spec_from_file_location(LIBRARY, found)
    assert spec is not None
    assert spec.loader is not None
    library = importlib.util.module_from_spec(spec)
    sys.modules[LIBRARY] = library
    spec.loader.exec_module(library)
    path.insert(0, str(where / "streaming" / "matching"))
