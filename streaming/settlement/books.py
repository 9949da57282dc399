"""The books as a pure function: trades and corporate actions in, the rows that settle them out. No database, no clock.

Double entry: every entry's postings sum to zero in every asset. Amounts of USD are integers of 1/10,000 dollar,
amounts of any other asset whole shares. `Books` is what must be known to go on from where the ledger stands; after
a failure to write a `Journal` it is ahead of the ledger and has to be loaded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from streaming.contracts.entitlement import entitlement
from streaming.contracts.events import CorporateAction, PortfolioUpdate, Trade

CASH = "USD"
House = Literal["issuer", "suspense"]
Owner = int | House
"""A trader's id, or an account of the house."""
Settleable = Trade | CorporateAction
"""What moves shares and cash."""
Settled = Callable[[Sequence[str]], dict[str, Trade]]
"""Looks trades up in the ledger by id."""


@dataclass
class Account:
    """One owner's holding of one asset."""

    account_id: int
    owner: Owner
    asset: str
    balance: int = 0


class Entry(NamedTuple):
    """A row of ledger.journal_entries; time in microseconds since the Unix epoch."""

    entry_number: int
    entry_id: str
    trade_id: str | None
    event_time: int


class Posting(NamedTuple):
    """A row of ledger.postings."""

    entry_number: int
    line: int
    account_id: int
    amount: int


class Breach(NamedTuple):
    """A row of ledger.breaches: something that should be impossible."""

    entry_id: str
    reason: Literal[
        "unknown_trader",
        "unknown_symbol",
        "negative_cash",
        "negative_position",
        "conflicting_trade",
        "conflicting_action",
    ]
    trader_id: int
    detail: str
    event_time: int


@dataclass
class Journal:
    """What one transaction writes. `updates` pairs each update with its number in the outbox."""

    accounts: list[Account] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    actions: list[CorporateAction] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    updates: list[tuple[int, PortfolioUpdate]] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)


class Books:
    """The state of the ledger that the next entry depends on."""

    def __init__(
        self,
        symbols: Iterable[str] = (),
        traders: Iterable[int] = (),
        accounts: Iterable[Account] = (),
        update_sequences: dict[int, int] | None = None,
        trade_sequences: dict[str, int] | None = None,
        actions: Iterable[CorporateAction] = (),
        last_entry: int = 0,
        last_update: int = 0,
    ) -> None:
        self.symbols = set(symbols)
        self.traders = set(traders)
        self.accounts = {(account.owner, account.asset): account for account in accounts}
        self.update_sequences = dict(update_sequences or {})
        self.trade_sequences = dict(trade_sequences or {})
        self.actions = {(action.symbol, action.sequence): action for action in actions}
        self.last_account = max((account.account_id for account in self.accounts.values()), default=0)
        self.last_entry = last_entry
        self.last_update = last_update

    def balance(self, owner: Owner, asset: str) -> int:
        """What `owner` holds of `asset`."""
        account = self.accounts.get((owner, asset))
        return account.balance if account else 0

    def endow(self, trader_id: int, asset: str, amount: int, event_time: int, journal: Journal) -> None:
        """Give a trader what the account holds at first; the issuer gives it."""
        symbol = None if asset == CASH else asset
        entry_id = f"endowment-{trader_id}" + (f"-{symbol}" if symbol else "")
        number = self._enter(journal, entry_id, None, event_time)
        self._post(journal, number, [("issuer", asset, -amount), (trader_id, asset, amount)])
        change = (0, amount) if symbol else (amount, 0)
        self._tell(journal, trader_id, entry_id, None, symbol, change, event_time)

    def settle(self, items: Sequence[Settleable], settled: Settled) -> Journal:
        """Post each trade and corporate action that is not posted yet, in their order.

        What comes again is passed over; what comes again with other contents is a breach and changes nothing. A trade
        of an unknown trader or symbol is posted through the suspense account.
        """
        journal = Journal()
        trades = [item for item in items if isinstance(item, Trade)]
        fresh = {trade.trade_id: trade for trade in self._not_settled(trades, settled, journal)}
        for item in items:
            if isinstance(item, CorporateAction):
                self._act(item, journal)
            elif fresh.pop(item.trade_id, None) is not None:
                self._settle(item, journal)
        return journal

    def _act(self, action: CorporateAction, journal: Journal) -> None:
        """Give every holder of the symbol what the action brings; the issuer gives it."""
        symbol, key = action.symbol, (action.symbol, action.sequence)
        first = self.actions.get(key)
        if first is not None:
            if first != action:
                detail = f"settled as {first}, then came {action}"
                name = f"{symbol}-{action.sequence}"
                journal.breaches.append(Breach(name, "conflicting_action", 0, detail, action.event_time))
            return
        self.actions[key] = action
        journal.actions.append(action)
        word = "split" if action.kind == "split" else "dividend"
        holders = [held for held in self.accounts.values() if held.asset == symbol and held.owner != "issuer"]
        for held in sorted(holders, key=lambda account: account.account_id):
            owner = held.owner
            change = entitlement(action, held.balance)
            moves = [
                (party, asset, amount * sign)
                for asset, amount in zip((CASH, symbol), change, strict=True)
                for party, sign in (("issuer", -1), (owner, 1))
                if amount
            ]
            if not moves:
                continue
            entry_id = f"{word}-{symbol}-{action.sequence}-{owner}"
            number = self._enter(journal, entry_id, None, action.event_time)
            self._post(journal, number, moves)
            if isinstance(owner, int):
                self._tell(journal, owner, entry_id, None, symbol, change, action.event_time)

    def _not_settled(self, trades: Iterable[Trade], settled: Settled, journal: Journal) -> list[Trade]:
        fresh: list[Trade] = []
        seen: dict[str, Trade] = {}
        again: list[Trade] = []
        for trade in trades:
            if trade.trade_id in seen:
                again.append(trade)
                continue
            seen[trade.trade_id] = trade
            fresh.append(trade)
        # Sequences rise on a partition, so only a trade at or below its symbol's last can be in the ledger already.
        suspects = [t.trade_id for t in fresh if t.sequence <= self.trade_sequences.get(t.symbol, 0)]
        known = settled(suspects) if suspects else {}
        if known:
            again += [trade for trade in fresh if trade.trade_id in known]
            fresh = [trade for trade in fresh if trade.trade_id not in known]
        for trade in again:
            first = known.get(trade.trade_id) or seen[trade.trade_id]
            if trade != first:
                detail = f"settled as {first}, then came {trade}"
                journal.breaches.append(Breach(trade.trade_id, "conflicting_trade", 0, detail, trade.event_time))
        return fresh

    def _settle(self, trade: Trade, journal: Journal) -> None:
        journal.trades.append(trade)
        trade_id, symbol, quantity, event_time = trade.trade_id, trade.symbol, trade.quantity, trade.event_time
        self.trade_sequences[symbol] = max(trade.sequence, self.trade_sequences.get(symbol, 0))
        value = trade.price * quantity
        buyer = self._owner(trade, trade.buyer_id, journal)
        seller = self._owner(trade, trade.seller_id, journal)
        number = self._enter(journal, trade_id, trade_id, event_time)
        # One side's two postings after the other, so that each update tells the balances after its own side.
        bought = self._post(journal, number, [(buyer, CASH, -value), (buyer, symbol, quantity)])
        if isinstance(buyer, int):
            self._tell(journal, buyer, trade_id, trade_id, symbol, (-value, quantity), event_time)
        sold = self._post(journal, number, [(seller, CASH, value), (seller, symbol, -quantity)], first_line=3)
        if isinstance(seller, int):
            self._tell(journal, seller, trade_id, trade_id, symbol, (value, -quantity), event_time)
        if bought[0].balance < 0 and isinstance(buyer, int):
            detail = f"cash is {bought[0].balance} after the trade"
            journal.breaches.append(Breach(trade_id, "negative_cash", buyer, detail, event_time))
        if sold[1].balance < 0 and isinstance(seller, int):
            detail = f"the position in {symbol} is {sold[1].balance} after the trade"
            journal.breaches.append(Breach(trade_id, "negative_position", seller, detail, event_time))

    def _owner(self, trade: Trade, trader_id: int, journal: Journal) -> Owner:
        if trade.symbol not in self.symbols:
            breach = Breach(trade.trade_id, "unknown_symbol", 0, f"no instrument {trade.symbol}", trade.event_time)
            if breach not in journal.breaches:
                journal.breaches.append(breach)
            return "suspense"
        if trader_id not in self.traders:
            detail = f"no trader {trader_id}"
            journal.breaches.append(Breach(trade.trade_id, "unknown_trader", trader_id, detail, trade.event_time))
            return "suspense"
        return trader_id

    def _enter(self, journal: Journal, entry_id: str, trade_id: str | None, event_time: int) -> int:
        self.last_entry += 1
        journal.entries.append(Entry(self.last_entry, entry_id, trade_id, event_time))
        return self.last_entry

    def _post(
        self, journal: Journal, number: int, moves: Sequence[tuple[Owner, str, int]], first_line: int = 1
    ) -> list[Account]:
        moved = []
        for line, (owner, asset, amount) in enumerate(moves, first_line):
            account = self.accounts.get((owner, asset))
            if account is None:
                self.last_account += 1
                account = Account(self.last_account, owner, asset)
                self.accounts[owner, asset] = account
                journal.accounts.append(account)
            account.balance += amount
            journal.postings.append(Posting(number, line, account.account_id, amount))
            moved.append(account)
        return moved

    def _tell(
        self,
        journal: Journal,
        trader_id: int,
        entry_id: str,
        trade_id: str | None,
        symbol: str | None,
        change: tuple[int, int],
        event_time: int,
    ) -> None:
        sequence = self.update_sequences.get(trader_id, 0) + 1
        self.update_sequences[trader_id] = sequence
        self.last_update += 1
        update = PortfolioUpdate(
            sequence=sequence,
            trader_id=trader_id,
            entry_id=entry_id,
            trade_id=trade_id,
            symbol=symbol,
            cash_change=change[0],
            quantity_change=change[1],
            cash=self.balance(trader_id, CASH),
            position=self.balance(trader_id, symbol) if symbol else 0,
            event_time=event_time,
        )
        journal.updates.append((self.last_update, update))
