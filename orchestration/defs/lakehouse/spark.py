"""The lake's Spark session as a resource: started when it is asked for, gone with the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster import ConfigurableResource, InitResourceContext
from pydantic import PrivateAttr

from streaming.contracts.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class LakeSpark(ConfigurableResource):  # type: ignore[type-arg]
    """As dagster-pyspark's lazy resource, without pyspark in every process that loads the definitions.

    The session's settings hold the catalog's password: they are made when the session is, and are no part of the
    resource's configuration, which Dagster stores and shows.
    """

    app_name: str = "tickhouse-dagster"

    _session: Any = PrivateAttr(default=None)

    @property
    def spark_session(self) -> SparkSession:
        """The session, started at the first call."""
        if self._session is None:
            from lakehouse.spark import spark_session

            self._session = spark_session(settings(), self.app_name)
        session: SparkSession = self._session
        return session

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Stop the session, if one was started."""
        if self._session is not None:
            self._session.stop()
            self._session = None
