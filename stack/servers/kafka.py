"""Kafka: one broker in KRaft mode, its own controller."""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache
from pathlib import Path

from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from stack.model import NotReadyError, Server
from stack.settings import StackSettings
from stack.setup.jdk import QUICK_START, jdk_home
from stack.setup.lock import locked
from stack.texts import properties, write_private
from streaming.contracts.provision import LARGEST_MESSAGE

CLUSTER_ID = "dGlja2hvdXNlLWxvY2FsMA"
"""22 characters of base 64: a cluster of one needs no other name."""

LOG4J = """\
<Configuration status="WARN">
  <Appenders><Console name="out"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console></Appenders>
  <Loggers>
    <Logger name="kafka" level="INFO"/>
    <Logger name="org.apache.kafka" level="WARN"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""


def server(settings: StackSettings) -> Server:
    """The server `kafka`."""
    folder = settings.home.absolute() / "kafka"
    heap = [f"-Xmx{settings.kafka_memory}m", f"-Xms{settings.kafka_memory // 2}m"]
    bounds = ["-XX:MaxDirectMemorySize=128m", "-XX:MaxMetaspaceSize=128m", "-XX:+ExitOnOutOfMemoryError"]
    return Server(
        name="kafka",
        command=(
            *java(settings),
            *heap,
            *bounds,
            "-XX:+UseG1GC",
            *QUICK_START,
            *logging(folder),
            "kafka.Kafka",
            str(folder / "server.properties"),
        ),
        ready=lambda: ready(settings),
        prepare=lambda: prepare(settings, folder),
        ports=(settings.port("kafka"), settings.port("kafka_controller")),
        address=settings.kafka,
        stop_seconds=30,
    )


def joined(settings: StackSettings, group: str) -> None:
    """NotReadyError unless a consumer group has members and every partition has found its owner."""
    described = _admin(settings.kafka, os.getpid()).describe_consumer_groups([group], request_timeout=5)[group].result()
    if described.state is not ConsumerGroupState.STABLE:
        raise NotReadyError(f"its consumer group {group} is {described.state.name.lower()}")
    _admin.cache_clear()  # see `ready`


def ready(settings: StackSettings) -> None:
    """KafkaException unless a broker answers."""
    _admin(settings.kafka, os.getpid()).list_topics(timeout=3)
    _admin.cache_clear()  # a client that is ended after its broker waits without end, and so does the process's end


@lru_cache
def _admin(bootstrap: str, process: int) -> AdminClient:
    # One client for all questions: each starts threads. Its complaints while the broker comes up are of no use.
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}, logger=None)


def java(settings: StackSettings) -> list[str]:
    """The command that every Kafka program begins with."""
    path = os.pathsep.join(str(artefact.path(settings)) for artefact in locked("kafka"))
    return [str(jdk_home(settings, "kafka") / "bin" / "java"), "-cp", path]


def logging(folder: Path) -> list[str]:
    """The options that name our logging configuration."""
    return [f"-Dlog4j2.configurationFile={folder / 'log4j2.xml'}"]


def server_properties(settings: StackSettings, folder: Path) -> str:
    """The broker's configuration. Everything is on loopback, and one copy is all that one machine can keep."""
    one = {
        f"{name}.replication.factor": 1
        for name in ("default", "offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
    }
    return properties(
        {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{settings.port('kafka_controller')}",
            "listeners": f"PLAINTEXT://127.0.0.1:{settings.port('kafka')},"
            f"CONTROLLER://127.0.0.1:{settings.port('kafka_controller')}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{settings.port('kafka')}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": folder / "data",
            **one,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "min.insync.replicas": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.num.partitions": 4,
            "auto.create.topics.enable": "false",
            "log.retention.hours": settings.kafka_retention_hours,
            "log.segment.bytes": 128 * 2**20,
            "message.max.bytes": LARGEST_MESSAGE,
            "group.initial.rebalance.delay.ms": 0,
            "transaction.max.timeout.ms": 900_000,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
    )


def prepare(settings: StackSettings, folder: Path) -> None:
    """Render the configuration and format the storage once; RuntimeError with Kafka's words where that fails."""
    write_private(folder / "server.properties", server_properties(settings, folder))
    write_private(folder / "log4j2.xml", LOG4J)
    if (folder / "data" / "meta.properties").exists():
        return
    command = [
        *java(settings),
        "-Xmx128m",
        "-XX:TieredStopAtLevel=1",
        *logging(folder),
        "kafka.tools.StorageTool",
        "format",
        "--ignore-formatted",
    ]
    command += ["--cluster-id", CLUSTER_ID, "--config", str(folder / "server.properties")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"formatting Kafka's storage failed: {(done.stderr or done.stdout).strip()}")
