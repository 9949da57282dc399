"""`tickhouse watch`: the market of one symbol, live from Kafka."""
