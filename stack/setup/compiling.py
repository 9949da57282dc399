"""Compiles the pure market with mypyc, where there is a C compiler; without one, its source runs.

`python -m stack.setup.compiling TARGET`, in a folder that holds a copy of `streaming/`, is the compiler itself: a
process of its own, because setuptools reads the folder that it runs in.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from streaming.contracts.settings import PROJECT
from streaming.matching.compiled import COMPLETE, GROUP, MODULES, folder

FAILED = ".failed"
"""Holds the compiler's last words, so that it is not asked again for the same source."""


def needed() -> bool:
    """Whether the source that is here could be compiled and has not been."""
    where = folder()
    return _compiler() is not None and not (where / COMPLETE).exists() and not (where / FAILED).exists()


def failure() -> str | None:
    """Why the market is not compiled; None if it is, or if it was not tried."""
    if (folder() / COMPLETE).exists():
        return None
    if _compiler() is None:
        return "there is no C compiler"
    failed = folder() / FAILED
    return failed.read_text() if failed.exists() else None


def compile_market() -> None:
    """Compile it; what was compiled of an older source is removed. A failure is noted, and no error."""
    where = folder()
    if where.parent.exists():
        shutil.rmtree(where.parent)
    where.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(PROJECT / "streaming", Path(scratch) / "streaming")
        done = subprocess.run(
            [sys.executable, "-m", "stack.setup.compiling", str(where)],
            cwd=scratch,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "TICKHOUSE_INTERPRETED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if done.returncode:
        (where / FAILED).write_text("\n".join(done.stdout.strip().splitlines()[-5:]))
    else:
        (where / COMPLETE).touch()


def _compiler() -> str | None:
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")


def main(target: str) -> None:
    """Compile the copy of the source in this folder into `target`."""
    from mypyc.build import mypycify
    from setuptools import setup

    sources = [f"streaming/matching/{module}.py" for module in MODULES]
    extensions = mypycify(sources, opt_level="3", group_name=GROUP, target_dir="generated")
    for extension in extensions:
        # Nobody puts other functions in the place of ours: they may call one another directly.
        extension.extra_compile_args.append("-fno-semantic-interposition")
    setup(
        name=GROUP,
        packages=[],
        ext_modules=extensions,
        script_args=["--quiet", "build_ext", "--build-lib", target, "--build-temp", "objects"],
    )


if __name__ == "__main__":
    main(sys.argv[1])
