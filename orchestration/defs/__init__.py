"""One folder a system: what it is to Dagster. `orchestration.definitions` puts them together."""
