"""The matching engine: a pure order book, and the Quix Streams service that hosts it."""

from streaming.matching.compiled import activate

activate(__path__)
