"""The books that are compared, and what to know of each. Imports none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Candidate:
    """A book.

    `package` is its name on PyPI; None is in this repository. `python` is whose interpreter it runs on. `answers` says
    what comes out of each call, and so what is timed; `notes` what is particular about it, read in its source.
    """

    name: str
    module: str
    package: str | None
    language: str
    python: Literal["ours", "peers"]
    answers: str
    notes: str
    peer: str = "Peer"
    interpreted: bool = False
    """Not in the form that set-up compiles."""
    events: int | None = None
    """At most so many events, where the book is too slow for all of them."""
    resting: int | None = None
    """The same for the orders whose memory is measured."""


CANDIDATES = (
    Candidate(
        "Tickhouse",
        "with_tickhouse",
        None,
        "Python",
        "ours",
        "answers with a list of events (accepted, trade, cancelled, rejected), numbered and stamped.",
        "It checks side, type, time in force, quantity, tick, session, that ids rise and that the owner cancels. As "
        "set-up leaves it: compiled with mypyc where there is a C compiler.",
    ),
    Candidate(
        "Tickhouse, interpreted",
        "with_tickhouse",
        None,
        "Python",
        "ours",
        "is the same source, not compiled.",
        "",
        interpreted=True,
    ),
    Candidate(
        "Tickhouse, interpreted, on the others' Python",
        "with_tickhouse",
        None,
        "Python",
        "peers",
        "is the same source again, on the interpreter that the others run on.",
        "",
        interpreted=True,
    ),
    Candidate(
        "bare heap and deque",
        "with_bare",
        None,
        "Python",
        "peers",
        "answers with a list of fills.",
        "It is `benchmarks/peers/bare.py`: no checks, traders, events or numbers; a bound for what interpreted Python "
        "can reach. A cancelled order takes up memory until the price comes to it.",
    ),
    Candidate(
        "matching-engine",
        "with_matching_engine",
        "matching-engine",
        "Python",
        "peers",
        "answers with a list of events (accepted, trade, cancelled, rejected), as ours.",
        "Price-time priority, trades at the resting order's price. It checks price, quantity, time in force, ids "
        "among the orders that rest, and the owner. Self-trade prevention is turned off here (its default would "
        "cancel). Its log and its gateway are not in the run. Needs Python 3.12.",
    ),
    Candidate(
        "liquibook",
        "with_liquibook",
        "liquibook",
        "C++ (SWIG)",
        "peers",
        "calls a listener in Python for each order, fill and cancel; the listener does nothing.",
        "Price-time priority, trades at the resting order's price. There is no cancel by id: it takes the order "
        "object, which the caller has to keep (it is counted in the memory), and looks for it along its price. A "
        "market order rests unless immediate-or-cancel is passed to `add`: what the order itself says is not asked. "
        "No traders, and no check of ids.",
    ),
    Candidate(
        "liquibook, all of it",
        "with_liquibook",
        "liquibook",
        "C++ (SWIG)",
        "peers",
        "calls a listener in Python that notes each acceptance, trade, cancel and refusal as a tuple.",
        "The order that is to rest is made in the book's time too, as it is in ours.",
        peer="Whole",
    ),
    Candidate(
        "liquibook, no listener",
        "with_liquibook",
        "liquibook",
        "C++ (SWIG)",
        "peers",
        "answers with nothing but whether the order traded.",
        "It is what the same book costs when nobody learns of the trades. They are compared with a listener.",
        peer="Unheard",
    ),
    Candidate(
        "bourse",
        "with_bourse",
        "bourse",
        "Rust (PyO3)",
        "peers",
        "answers with the order's number; all trades are fetched at the end, which is timed.",
        "Price-time priority, trades at the resting order's price. It chooses ids itself, does not ask whose order is "
        "cancelled and does not tell that it was gone. The caller has to move its clock for each order (timed): of "
        "two orders of one price and time the book forgets the first. Prices and quantities have 32 bits. All orders "
        "and trades are kept for ever.",
    ),
    Candidate(
        "pyorderbook",
        "with_pyorderbook",
        "pyorderbook",
        "Python",
        "peers",
        "answers with a blotter: trades, total cost and average price.",
        "Price-time priority, trades at the resting order's price, a Decimal. There are no market orders: here they "
        "are limit orders that always cross, and what is left is cancelled. It chooses ids itself (UUIDs); a cancel "
        "takes the order object, and is a KeyError and a line in the log where it is gone; the log is turned off here.",
    ),
    Candidate(
        "lightmatchingengine",
        "with_lightmatchingengine",
        "lightmatchingengine",
        "Python",
        "peers",
        "answers with the order and its trades, one for each resting order and one more for each price.",
        "Price-time priority, trades at the resting order's price. It chooses ids itself. What a market order leaves "
        "rests at price 0, where every buyer would take it: here it is cancelled at once. A cancel searches its "
        "price, and is an AssertionError where nothing is left there. The best price is searched among all prices. "
        "Orders that were filled are kept for ever.",
    ),
    Candidate(
        "order-matching",
        "with_order_matching",
        "order-matching",
        "Python",
        "peers",
        "answers with a list of trades, each with a UUID.",
        "Price-time priority by the order's own time, trades at the resting order's price; prices and sizes are "
        "floats. It is made for batches: an order that comes alone has the whole book searched and sorted, so it is "
        "given less than the others. What a market order leaves rests at an infinite price, or at 0: here it is "
        "cancelled at once. Its log is turned off here.",
        events=10_000,
        resting=4_000,
    ),
)
