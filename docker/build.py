"""What the images hold beyond their Python packages; run while they are built: `python docker/build.py platform|flink`.

The JVM artefacts are the locked ones, with Iceberg's S3 client among them; each is checked against its sum.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import yaml

from stack.setup import artefacts, environments
from stack.setup.cache import relink
from stack.setup.lock import Artefact, locked
from streaming.contracts.settings import PROJECT, Settings

FLINK_CONFIGURATION = Path("/opt/flink-conf")


def link(jars: list[Artefact], folder: Path, settings: Settings) -> None:
    """Put jars on a class path."""
    for jar in jars:
        relink(folder / jar.name, jar.path(settings))


def platform(settings: Settings) -> None:
    """Spark's jars, and the S3 client where Spark finds it."""
    artefacts.download(locked("spark", "s3"), settings)
    spark = find_spec("pyspark")
    if spark is None or spark.origin is None:
        raise FileNotFoundError("pyspark is not installed")
    link(locked("s3"), Path(spark.origin).parent / "jars", settings)


def flink(settings: Settings) -> None:
    """Flink's environment, its jars, and its configuration: the package's own with `docker/flink.yaml` over it."""
    environments.install(settings, "flink")
    artefacts.download(artefacts.missing(locked("flink"), settings), settings)
    environments.link_flink_jars(settings)
    home = environments.package(settings, "flink", "pyflink")
    link(locked("s3"), home / "lib", settings)
    own = yaml.safe_load((home / "conf" / "config.yaml").read_text(encoding="utf-8"))
    ours = yaml.safe_load((PROJECT / "docker" / "flink.yaml").read_text(encoding="utf-8"))
    FLINK_CONFIGURATION.mkdir(parents=True, exist_ok=True)
    values = {"env.java.opts.all": own["env"]["java"]["opts"]["all"], **ours}
    (FLINK_CONFIGURATION / "config.yaml").write_text(yaml.safe_dump(values, width=10_000), encoding="utf-8")
    for name in ("log4j-console.properties", "log4j-cli.properties"):
        (FLINK_CONFIGURATION / name).write_bytes((home / "conf" / name).read_bytes())


if __name__ == "__main__":
    {"platform": platform, "flink": flink}[sys.argv[1]](Settings())
