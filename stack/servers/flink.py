"""Flink: a session cluster of a job manager and a task manager, from the Python package's own scripts."""

from __future__ import annotations

from pathlib import Path

import httpx
import yaml

from stack.model import NotReadyError, Server
from stack.settings import StackSettings
from stack.setup.environments import package
from stack.setup.jdk import QUICK_START, jdk_home
from stack.texts import properties, write_private
from streaming.flink.pipelines import tables_written
from streaming.flink.submit import JOBS, class_path

LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} - %m%n
logger.kafka.name = org.apache.kafka
logger.kafka.level = WARN
logger.pekko.name = org.apache.pekko
logger.pekko.level = WARN
logger.iceberg.name = org.apache.iceberg
logger.iceberg.level = WARN
"""


def servers(settings: StackSettings) -> list[Server]:
    """The servers `flink-jobmanager` and `flink-taskmanager`."""
    folder = settings.home.absolute() / "flink"
    home = package(settings, "flink", "pyflink")
    environment = {
        **class_path(settings),
        "FLINK_HOME": str(home),
        "FLINK_CONF_DIR": str(folder / "conf"),
        "FLINK_LOG_DIR": str(folder / "log"),
        "FLINK_PID_DIR": str(folder),
        "JAVA_HOME": str(jdk_home(settings, "flink")),
        "HADOOP_CONF_DIR": "",
        "HBASE_CONF_DIR": "",
    }

    def server(role: str, needs: tuple[str, ...], check: str, ports: tuple[int, ...], address: str) -> Server:
        return Server(
            name=f"flink-{role}",
            alias="flink",
            command=("bash", str(home / "bin" / f"{role}.sh"), "start-foreground"),
            ready=lambda: ready(settings, check),
            needs=needs,
            prepare=lambda: prepare(settings, folder),
            environment=environment,
            ports=ports,
            address=address,
        )

    names = ("flink", "flink_rpc", "flink_blob")
    manager = server("jobmanager", (), "/overview", tuple(settings.port(name) for name in names), settings.flink)
    return [manager, server("taskmanager", (manager.name,), "/taskmanagers", (), "")]


def ready(settings: StackSettings, path: str = "/taskmanagers") -> None:
    """An httpx error or NotReadyError unless the job manager answers and, asked for them, has a task manager."""
    answer = httpx.get(settings.flink + path, timeout=5).raise_for_status().json()
    if path == "/taskmanagers" and not answer["taskmanagers"]:
        raise NotReadyError("no task manager has registered")


def jobs_run(settings: StackSettings) -> None:
    """NotReadyError unless every job runs that writes to the lake.

    Surveillance writes no table, and reads from the beginning: nobody waits for it, the longest to plan.
    """
    answer = httpx.get(f"{settings.flink}/jobs/overview", timeout=5).raise_for_status().json()
    running = {job["name"] for job in answer["jobs"] if job["state"] == "RUNNING"}
    if missing := {name for name, folder in JOBS.items() if tables_written(folder)} - running:
        raise NotReadyError(f"{', '.join(sorted(missing))} does not run yet")


def configuration(settings: StackSettings, folder: Path, default_options: str) -> str:
    """config.yaml, flat. `default_options` are Flink's own `env.java.opts.all`, without which it fails on Java 17+."""
    return properties(
        {
            "env.java.opts.all": default_options,
            "env.java.opts.jobmanager": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",  # it only coordinates
            "env.java.opts.taskmanager": " ".join(("-XX:+UseG1GC", *QUICK_START)),
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": settings.port("flink_rpc"),
            "jobmanager.bind-host": "127.0.0.1",
            "jobmanager.memory.process.size": f"{settings.flink_jobmanager_memory}m",
            "jobmanager.execution.failover-strategy": "region",
            "blob.server.port": settings.port("flink_blob"),
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": settings.port("flink"),
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": settings.flink_slots,
            "taskmanager.memory.process.size": f"{settings.flink_taskmanager_memory}m",
            # State is on the heap: what RocksDB and batch sorting would get is of more use there.
            "taskmanager.memory.managed.fraction": 0.05,
            "taskmanager.memory.jvm-metaspace.size": "224m",
            "taskmanager.memory.jvm-overhead.min": "128m",
            "parallelism.default": 1,
            # A killed task manager is missed within seconds, and its jobs go on from their last checkpoint.
            "heartbeat.interval": "2 s",
            "heartbeat.timeout": "12 s",
            "restart-strategy.type": "exponential-delay",
            "restart-strategy.exponential-delay.initial-backoff": "1 s",
            "restart-strategy.exponential-delay.max-backoff": "10 s",
            "state.backend.type": "hashmap",
            "execution.checkpointing.interval": f"{settings.checkpoint_seconds} s",
            "execution.checkpointing.mode": "EXACTLY_ONCE",
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "execution.checkpointing.num-retained": 3,
            "execution.checkpointing.dir": settings.checkpoints_uri,
            "execution.checkpointing.savepoint-dir": f"{folder.as_uri()}/savepoints",
            "io.tmp.dirs": folder / "tmp",
            "classloader.check-leaked-classloader": "false",
        },
        separator=": ",
    )


def prepare(settings: StackSettings, folder: Path) -> None:
    """Render the configuration and make the folders."""
    for name in ("log", "tmp", "checkpoints", "savepoints"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    default = yaml.safe_load((package(settings, "flink", "pyflink") / "conf" / "config.yaml").read_text())
    options = default["env"]["java"]["opts"]["all"]
    write_private(folder / "conf" / "config.yaml", configuration(settings, folder, options))
    for name in ("log4j-console.properties", "log4j-cli.properties", "log4j.properties"):
        write_private(folder / "conf" / name, LOG4J)
