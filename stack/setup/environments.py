"""The Python environments beside .venv: `flink` and `superset`, whose packages cannot live with the platform's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from stack.setup.cache import relink, short_hash
from stack.setup.lock import locked
from streaming.contracts.settings import PROJECT, Settings

Group = Literal["flink", "superset"]
GROUPS: tuple[Group, ...] = ("flink", "superset")


class InstallError(RuntimeError):
    """An environment could not be installed; the message ends with uv's own words."""


def requirements(group: str) -> Path:
    """The hashed requirements of a group."""
    return PROJECT / "requirements" / f"{group}.txt"


def environment(settings: Settings, group: Group) -> Path:
    """The folder of an environment: another one when its requirements change."""
    return settings.cache / "envs" / f"{group}-{short_hash(requirements(group).read_bytes())}"


def python(settings: Settings, group: Group) -> Path:
    """The interpreter of an environment."""
    return environment(settings, group) / "bin" / "python"


def package(settings: Settings, group: Group, name: str) -> Path:
    """The folder of a package of an environment, or where it will be when the environment is installed."""
    folder = environment(settings, group)
    found = sorted(folder.glob(f"lib/python3.*/site-packages/{name}"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return found[0] if found else folder / "lib" / version / "site-packages" / name


def complete(settings: Settings, group: Group) -> bool:
    """Whether the environment was installed to the end."""
    return (environment(settings, group) / ".complete").exists() and python(settings, group).exists()


def install(settings: Settings, group: Group) -> None:
    """Make the environment; one that was interrupted is gone on with."""
    folder = environment(settings, group)
    if not python(settings, group).exists():
        shutil.rmtree(folder, ignore_errors=True)
        base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
        _uv("venv", "--quiet", "--python", str(base if base.exists() else sys.executable), str(folder))
    where = str(python(settings, group))
    # Compiled once and for all: a stack starts dozens of Pythons, and not every machine lets them write bytecode.
    options = ("--quiet", "--compile-bytecode", "--require-hashes")
    _uv("pip", "sync", *options, "--python", where, str(requirements(group)))
    (folder / ".complete").touch()


@retry(
    stop=stop_after_attempt(3),
    wait=wait_exponential(max=10),
    retry=retry_if_exception_type(InstallError),
    reraise=True,
)
def _uv(*arguments: str) -> None:
    # Not `uv run`'s environment: a VIRTUAL_ENV of the caller must not be what is synced.
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    uv = Path(sys.prefix) / "bin" / "uv"
    done = subprocess.run([uv, *arguments], env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"uv {arguments[0]} failed: {done.stderr.strip()}")


def flink_jars(settings: Settings) -> list[tuple[Path, Path]]:
    """The links that belong in Flink's `lib` folder, and the cached files they lead to."""
    folder = package(settings, "flink", "pyflink") / "lib"
    return [(folder / artefact.name, artefact.path(settings)) for artefact in locked("flink")]


def link_flink_jars(settings: Settings) -> None:
    """Put our jars beside Flink's own, and take away those of an earlier lock."""
    links = flink_jars(settings)
    for stale in {path for path in links[0][0].parent.iterdir() if path.is_symlink()} - {link for link, _ in links}:
        stale.unlink()
    for link, target in links:
        relink(link, target)
