"""How settlement and its relay start, go on and end as processes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from threading import Event

import psycopg
import structlog
from confluent_kafka import KafkaError, KafkaException
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception,
    stop_when_event_set,
    wait_exponential,
)
from tenacity.nap import sleep_using_event

from streaming.contracts.settings import Settings, settings
from streaming.settlement.feed import LostMessagesError
from streaming.settlement.ledger import LedgerBusyError

log = structlog.get_logger("settlement")

Session = Callable[[Settings, Event], None]


def keep_going(session: Session, settings: Settings, stop: Event) -> None:
    """Run sessions until one ends by itself or `stop` is set; one that loses PostgreSQL or Kafka is begun anew."""
    attempts = Retrying(
        retry=retry_if_exception(_passes),
        wait=wait_exponential(multiplier=0.2, max=5),
        stop=stop_when_event_set(stop),
        sleep=sleep_using_event(stop),
        before_sleep=_tell,
    )
    try:
        attempts(session, settings, stop)
    except RetryError:
        log.info("stopped while a server was away")


def _passes(error: BaseException) -> bool:
    """Whether waiting can help: a client that is configured wrongly never comes right."""
    if isinstance(error, KafkaException):
        return bool(error.args[0].code() != KafkaError._INVALID_ARG)
    return isinstance(error, psycopg.OperationalError)


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("a server is away, trying again", problem=str(error).strip(), attempt=state.attempt_number)


def main(run: Session) -> None:
    """Run a service until SIGTERM or SIGINT; what is under way is finished first. Exits 1 with the reason on errors."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run(settings(), stop)
    except (LostMessagesError, LedgerBusyError) as error:
        if stop.is_set():
            return
        log.error("cannot go on", reason=str(error))
        sys.exit(1)
