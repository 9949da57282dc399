"""Sizes of the local stack: every one can be set by an environment variable with the prefix `TICKHOUSE_`."""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field, ValidationError

from streaming.contracts.settings import Settings


class StackSettings(Settings):
    """The settings of the platform, and how much of this machine each server gets. Memory is in MiB."""

    kafka_memory: int = Field(512, ge=256, description="Kafka's heap")
    flink_jobmanager_memory: int = Field(896, ge=768, description="Flink job manager, the whole process")
    flink_taskmanager_memory: int = Field(1664, ge=1024, description="Flink task manager, the whole process")
    flink_slots: int = Field(8, ge=1, le=256, description="Task slots of the task manager")
    trino_memory: int = Field(1280, ge=768, description="Trino's heap")
    postgres_memory: int = Field(128, ge=32, description="PostgreSQL's shared buffers")
    superset_memory: int = Field(1536, ge=512, description="Superset: limit of each process's data")
    dagster_memory: int = Field(
        4096, ge=1024, description="Dagster: limit of each process's data, Spark's runs included"
    )
    dagster_runs: int = Field(1, ge=1, le=64, description="Dagster's runs at the same time: each may have a Spark")
    service_memory: int = Field(1536, ge=256, description="Engine, settlement, traders: limit of each process's data")
    buyers: int = Field(2, ge=1, le=64, description="Buyer processes")
    sellers: int = Field(2, ge=1, le=64, description="Seller processes")
    least_disk: int = Field(2048, ge=0, description="Free disk below which `up` refuses to start")
    start_timeout: int = Field(180, ge=5, description="Seconds that a server gets to be ready")


@lru_cache
def stack_settings() -> StackSettings:
    """The settings of this process, read once; ValidationError where one is wrong."""
    return StackSettings()


def explain(error: ValidationError) -> list[str]:
    """One line a wrong setting: its variable, its value and what is allowed."""
    lines = []
    for wrong in error.errors():
        name = "TICKHOUSE_" + "_".join(str(part) for part in wrong["loc"]).upper()
        lines.append(f"{name} is {wrong['input']!r}: {wrong['msg'][0].lower()}{wrong['msg'][1:]}")
    return lines
