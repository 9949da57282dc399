"""How steps run: what is tried again, what waits for its turn, what is old, and what a partition is."""

from __future__ import annotations

from datetime import timedelta

from dagster import Backoff, DynamicPartitionsDefinition, FreshnessPolicy, Jitter, RetryPolicy

SPARK = "spark"
"""The pool of the steps that start a Spark: one at a time in all runs (dagster.yaml), as the memory is for one."""

RETRIES = RetryPolicy(max_retries=2, delay=10, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS)
"""For a step that asks servers and may be done again: they may be starting, or busy."""

NIGHTLY = FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))
"""What the nightly job makes is a day old at most; after a night that failed its page warns, after two it fails."""

TRADING_DAYS = DynamicPartitionsDefinition(name="trading_days")
"""The days that the lake holds trades of, such as 2026-01-05; the sensor `lake_progress` adds them."""
