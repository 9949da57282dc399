"""How the simulated traders behave; every value can be set by an environment variable (`TICKHOUSE_SEED`, …)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from simulators.population import DEFAULT


class SimulatorSettings(BaseSettings):
    """Settings of the history run and of the live traders."""

    model_config = SettingsConfigDict(env_prefix="TICKHOUSE_", extra="ignore")

    seed: int = Field(7, ge=0, lt=2**63, description="Everything random follows from it")
    population: Path = Field(DEFAULT, description="The settings file that says who trades, and how")
    scenario: str = Field("calm", description="What kind of days: a name, or a settings file")
    orders_per_day: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        description="Turns a full trading day, of all ordinary traders; else the population's",
    )
    speed: int = Field(60, ge=1, le=3_600, description="Live: market seconds that pass in a second")


@lru_cache
def simulator_settings() -> SimulatorSettings:
    """The settings of this process, read once."""
    return SimulatorSettings()
