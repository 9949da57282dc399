"""How much a simulated month looks like a real market: stylised facts, measured and judged."""
