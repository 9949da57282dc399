"""Lets go of what the marts leave behind: every build replaces tables, and what was replaced keeps its files.

It is a build of its own (`lakehouse.publication`) that changes no row: what dbt builds begins from what it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from lakehouse.actions import TableActions
from lakehouse.health import measure
from lakehouse.maintenance import ORPHAN_AGE, Session
from lakehouse.progress import opened
from lakehouse.publication import PUBLISHED, SUFFIX, audited
from streaming.contracts.settings import Settings

KEEP = timedelta(days=7)
"""How long a published version of a mart stays for time travel."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Tidied:
    """A mart, how many old versions of it were let go, and how many files that no version names."""

    table: str
    expired: int
    orphans_removed: int


def tidy(
    settings: Settings, spark: Session, *, keep: timedelta = KEEP, orphan_age: timedelta = ORPHAN_AGE
) -> list[Tidied]:
    """Expire the versions of every mart that are older than `keep`, and remove older orphans; what was done.

    `spark` is asked for a session only where there is something to do. lakehouse.publication.BeingBuiltError while the
    marts are built.
    """
    found = []
    with audited(settings), opened(settings) as lake:
        now = datetime.now(UTC)
        schemas = {namespace[0] for namespace in lake.list_namespaces()}
        for schema in (name for name in PUBLISHED if name + SUFFIX in schemas):
            for _, name in sorted(lake.list_tables(schema + SUFFIX)):
                place = f"{schema}{SUFFIX}.{name}"
                health = measure(lake.load_table(place), now - keep, now - orphan_age)
                orphans = 0
                if health.expirable or health.aged:
                    steps = TableActions(spark(), place)
                    if health.expirable:
                        steps.expire_snapshots(now - keep)
                    if health.aged:
                        orphans = steps.remove_orphans(now - orphan_age)
                found.append(Tidied(f"{schema}.{name}", health.expirable, orphans))
    log.info("marts tidied", expired=sum(one.expired for one in found), tables=len(found))
    return found
