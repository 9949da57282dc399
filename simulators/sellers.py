"""The traders who sell today: `python -m simulators.sellers --worker 0 --workers 2`."""

from __future__ import annotations

import typer

from simulators.gateway import Worker, Workers, serve


def main(worker: Worker = 0, workers: Workers = 1) -> None:
    """Serve the sellers of one shard of the traders."""
    serve("sell", worker, workers)


if __name__ == "__main__":
    typer.run(main)
