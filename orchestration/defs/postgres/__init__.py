"""The ledger beside the stream, and how far it is."""

from dagster import Definitions

from orchestration.defs.postgres.assets import LEDGER_SPECS
from orchestration.defs.postgres.sensors import ledger_progress

definitions = Definitions(assets=LEDGER_SPECS, sensors=[ledger_progress])
