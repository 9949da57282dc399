"""The matching engine: a pure order book, and the Quix Streams service that hosts it."""
