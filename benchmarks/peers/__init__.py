"""Order books of PyPI behind one interface, for `benchmarks/book.py`."""
