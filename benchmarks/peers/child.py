"""One measurement of one book in a process of its own: `python -m peers.child WHAT MODULE CLASS COUNT STREAM RESULT`.

The result goes into a file, since a book may print.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pickle
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from peers.peer import Peer
from peers.stream import Event, resting

WARM_UP = 15
"""One in so many events is given to another book first: CPython specialises what it runs often."""


def timed(make: Callable[[], Peer], stream: list[Event]) -> dict[str, Any]:
    """Seconds of processor time and by the clock.

    The collector of cycles is on, with Python's own thresholds. What was there before (the stream, and the orders made
    of it) is frozen, so that it is not searched in the book's time.
    """
    warm = make()
    warm.run(warm.translate(stream[: len(stream) // WARM_UP]))
    del warm
    peer = make()
    work = peer.translate(stream)
    gc.collect()
    gc.freeze()
    clock, processor = time.perf_counter(), time.process_time()
    peer.run(work)
    processor, clock = time.process_time() - processor, time.perf_counter() - clock
    return {"cpu": processor, "wall": clock}


def fills(make: Callable[[], Peer], stream: list[Event]) -> dict[str, Any]:
    """All trades."""
    peer = make()
    return {"fills": peer.fills(peer.translate(stream))}


def memory(make: Callable[[], Peer], count: int) -> dict[str, Any]:
    """Bytes by which the process grows for each order on the book.

    Orders are made one by one and dropped, unless the book keeps them or the caller has to, to be able to cancel.
    """
    warm = make()
    for event in resting(1_000):
        warm.run(warm.translate((event,)))
    del warm
    peer = make()
    gc.collect()
    before = _resident()
    for event in resting(count):
        peer.run(peer.translate((event,)))
    gc.collect()
    return {"bytes": (_resident() - before) / count}


def _resident() -> int:
    """Bytes of memory that the process has now."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True, check=True)
    return int(told.stdout) * 1024


def main() -> None:
    """Measure and write the result."""
    what, module, name, count, stream, result = sys.argv[1:]
    make = getattr(importlib.import_module(f"peers.{module}"), name)
    if what == "memory":
        found = memory(make, int(count))
    else:
        with Path(stream).open("rb") as file:
            events = [Event(*fields) for fields in islice(pickle.load(file), int(count))]
        found = timed(make, events) if what == "timed" else fills(make, events)
    compiled = sys.modules.get("streaming.matching.compiled")  # ours only
    found["compiled"] = compiled is not None and compiled.active()
    found["python"] = platform.python_version()
    Path(result).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
