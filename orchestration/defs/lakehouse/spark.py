"""The lake's Spark session as a resource: started when it is asked for, gone with the step."""

from __future__ import annotations

from typing import Any

from dagster import InitResourceContext
from dagster_pyspark import LazyPySparkResource

from streaming.contracts.settings import settings


class LakeSpark(LazyPySparkResource):
    """dagster-pyspark's resource, with the session that lakehouse.spark makes.

    The session's settings hold the catalog's password: they are made here and now, and are no part of the
    resource's configuration, which Dagster stores and shows.
    """

    def _init_session(self) -> None:
        if self._spark_session is None:
            from lakehouse.spark import spark_session

            self._spark_session: Any = spark_session(settings(), "tickhouse-dagster")

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Stop the session, if one was started."""
        if self._spark_session is not None:
            self._spark_session.stop()
            self._spark_session = None
