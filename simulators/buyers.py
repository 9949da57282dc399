"""The traders who buy today: `python -m simulators.buyers --worker 0 --workers 2`."""

from __future__ import annotations

import typer

from simulators.gateway import Worker, Workers, serve


def main(worker: Worker = 0, workers: Workers = 1) -> None:
    """Serve the buyers of one shard of the traders."""
    serve("buy", worker, workers)


if __name__ == "__main__":
    typer.run(main)
