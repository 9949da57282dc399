"""Kafka against Iceberg against PostgreSQL, to the last share and cent."""

from dagster import Definitions

from orchestration.defs.reconciliation.checks import REPORT_SPEC, reconciliation

definitions = Definitions(assets=[REPORT_SPEC], asset_checks=[reconciliation])
