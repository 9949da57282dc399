"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from lakehouse.exports.days import ExportError


@contextmanager
def written(paths: Sequence[Path], *, force: bool) -> Iterator[list[TextIO]]:
    """Files to write, each under another name until all are done; after an error nothing is left of them.

    ExportError where one is there already, unless `force` says to write it anew, or where writing fails.
    """
    for path in paths:
        if path.exists() and not force:
            raise ExportError(f"{path} is there already: --force writes it anew")
    partial = [path.with_name(f"{path.name}.partial") for path in paths]
    try:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            yield [stack.enter_context(path.open("w", encoding="ascii", newline="")) for path in partial]
        for path, final in zip(partial, paths, strict=True):
            path.replace(final)
    except OSError as error:
        raise ExportError(f"cannot write {error.filename or paths[0]}: {error.strerror}") from error
    finally:
        for path in partial:
            path.unlink(missing_ok=True)
