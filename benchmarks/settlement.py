"""How many trades a second settlement and its relay hold.

Needs PostgreSQL and Kafka up (`tickhouse up postgres kafka`), with an empty ledger:
`python benchmarks/settlement.py --trades 200000`.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections.abc import Iterator

import psycopg
from confluent_kafka import Producer

from streaming.contracts.codec import encode
from streaming.contracts.events import Trade
from streaming.contracts.kafka import producer_config
from streaming.contracts.provision import create_topics
from streaming.contracts.reference import instruments, traders
from streaming.contracts.settings import Settings, settings
from streaming.contracts.topics import TRADES
from streaming.settlement import relay, service
from streaming.settlement.migrate import migrate

START = 1_767_364_200_000_000


def synthetic_trades(count: int, seed: int = 1) -> Iterator[Trade]:
    """Trades between simulated traders, 100 a second of market time, each symbol's sequence rising by one."""
    chance = random.Random(seed)
    people = [trader.trader_id for trader in traders()]
    sequences = dict.fromkeys((instrument.symbol for instrument in instruments()), 0)
    for number in range(count):
        instrument = chance.choice(instruments())
        symbol = instrument.symbol
        sequences[symbol] += 1
        buyer_id, seller_id = chance.sample(people, 2)
        yield Trade(
            sequence=sequences[symbol],
            trade_id=f"{symbol}-{sequences[symbol]}",
            symbol=symbol,
            price=instrument.initial_price,
            quantity=chance.randint(1, 3),
            maker_order_id=2 * number + 1,
            taker_order_id=2 * number + 2,
            buyer_id=buyer_id,
            seller_id=seller_id,
            aggressor_side="buy",
            event_time=START + number * 10_000,
        )


def publish(configuration: Settings, trades: Iterator[Trade], per_message: int = 1) -> None:
    """Put trades on their topic, `per_message` of a symbol to a message."""
    producer = Producer(producer_config(configuration))
    waiting: dict[str, list[Trade]] = {}

    def send(together: list[Trade]) -> None:
        symbol = together[0].symbol
        value = encode(TRADES, symbol, together, together[-1].event_time)
        while True:
            try:
                producer.produce(TRADES.name, value, symbol)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)

    for trade in trades:
        together = waiting.setdefault(trade.symbol, [])
        together.append(trade)
        if len(together) == per_message:
            send(together)
            waiting[trade.symbol] = []
    for together in filter(None, waiting.values()):
        send(together)
    producer.flush()


def main() -> None:
    """Publish, settle, relay; print the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=200_000)
    parser.add_argument("--per-message", type=int, default=1)
    arguments = parser.parse_args()
    configuration = settings()
    migrate(configuration)
    create_topics(configuration)
    publish(configuration, synthetic_trades(arguments.trades), arguments.per_message)
    for name, run, query in (
        ("settlement", service.run, "select count(*) from ledger.trades"),
        ("relay", relay.run, "select last_id / 2 from ledger.relayed where topic = 'portfolio-updates'"),
    ):
        stop = threading.Event()
        began = time.perf_counter()
        thread = threading.Thread(target=run, args=(configuration, stop))
        thread.start()
        with psycopg.connect(configuration.postgres(), autocommit=True) as connection:
            while (connection.execute(query).fetchone() or (0,))[0] < arguments.trades:
                time.sleep(0.2)
        seconds = time.perf_counter() - began
        stop.set()
        thread.join()
        print(f"{name}: {arguments.trades / seconds:,.0f} trades/s over {seconds:.1f} s")


if __name__ == "__main__":
    main()
