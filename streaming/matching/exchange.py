"""An exchange: the markets of many symbols."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from streaming.contracts.commands import AnyCommand, DefineInstrument
from streaming.contracts.events import BookEvent
from streaming.matching.market import SymbolMarket

__all__ = ["Exchange", "SymbolMarket"]


class Exchange:
    """The markets of many symbols.

    `bare`: every symbol exists and trades, as `SymbolMarket` says. Each of `listed` trades from the first command
    under its rules; its collar and price bands hold from the first `session` that sets a reference price.
    """

    def __init__(self, *, bare: bool = False, listed: Iterable[DefineInstrument] = ()) -> None:
        self.bare = bare
        self.markets: dict[str, SymbolMarket] = {}
        for instrument in listed:
            market = self.markets[instrument.symbol] = SymbolMarket(instrument.symbol, bare=True)
            market.apply(msgspec.structs.replace(instrument, event_time=0))

    def apply(self, command: AnyCommand) -> list[BookEvent]:
        """Carry out a command in the market of its symbol and tell what happened, in order."""
        market = self.markets.get(command.symbol)
        if market is None:
            market = SymbolMarket(command.symbol, bare=self.bare)
            if self.bare or type(command) is DefineInstrument:  # strangers' symbols take up no memory
                self.markets[command.symbol] = market
        return market.apply(command)

    def dump(self) -> bytes:
        """The state of every market, for `load`."""
        return msgspec.json.encode([self.bare, [market.dump().decode() for market in self.markets.values()]])

    @classmethod
    def load(cls, data: bytes) -> Exchange:
        """The exchange that `dump` saved; msgspec.DecodeError where the bytes are no such thing."""
        bare, markets = msgspec.json.decode(data, type=tuple[bool, list[str]])
        exchange = cls(bare=bare)
        for dump in markets:
            market = SymbolMarket.load(dump.encode())
            exchange.markets[market.symbol] = market
        return exchange
