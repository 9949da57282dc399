"""The topics, and how far they are."""

from dagster import Definitions

from orchestration.defs.kafka.assets import TOPIC_SPECS
from orchestration.defs.kafka.sensors import kafka_progress

definitions = Definitions(assets=TOPIC_SPECS, sensors=[kafka_progress])
