"""The settings of the engine service alone (environment variables with the prefix `TICKHOUSE_ENGINE_`)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EngineSettings(BaseSettings):
    """How often the engine commits, and how often it tells the whole book."""

    model_config = SettingsConfigDict(env_prefix="TICKHOUSE_ENGINE_", extra="ignore")

    instance: int = Field(0, ge=0, le=9_999, description="Which of several engines this is; no two may share one")
    commit_interval: float = Field(
        0.15, ge=0.01, le=10, description="Seconds between transactions: how soon others see a trade"
    )
    snapshot_commands: int = Field(2_000, ge=1, description="Commands of a symbol between two book snapshots")
    snapshot_minutes: int = Field(15, ge=1, description="Minutes of market time between two book snapshots")
