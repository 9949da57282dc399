"""Keeps the Flink jobs running: `submit` once, or `python -m streaming.flink.submit` as a service.

A session cluster forgets its jobs when its job manager dies. The service asks it every few seconds and puts back what
is missing, from the last completed checkpoint. A task manager's death needs nothing of this: Flink restarts the job.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import structlog
from sqlalchemy.exc import OperationalError

from lakehouse.files import file_jars, file_options
from lakehouse.progress import flink_commits
from lakehouse.tables import create_tables
from streaming.contracts.settings import PROJECT, Settings
from streaming.contracts.settings import settings as the_settings
from streaming.flink import checkpoints, pipelines

JOBS = {"tickhouse-raw": "raw", "tickhouse-analytics": "analytics", "tickhouse-surveillance": "surveillance"}
"""Flink's job name, and the folder of `sql/` that it runs."""

ENDED = frozenset({"FAILED", "CANCELED", "FINISHED"})
WATCH_SECONDS = 5
SUBMIT_SECONDS = 300

log = structlog.get_logger()


class SubmitError(RuntimeError):
    """Flink would not take a job; the message ends with its own words."""


def submit(settings: Settings) -> list[str]:
    """The ids of the jobs, started where they did not run.

    A running job is left alone, a stopped one resumes from its newest checkpoint. The tables are made first; the topics
    must be there. Raises httpx.HTTPError where Flink does not answer, SubmitError where it refuses,
    CheckpointLostError where going on would write rows twice.
    """
    with _alone(settings):
        running = running_jobs(settings)
        wanted = [name for name in JOBS if name not in running]
        if wanted:
            create_tables(settings)
            running.update(_start(settings, wanted))
        return [running[name] for name in JOBS]


def running_jobs(settings: Settings) -> dict[str, str]:
    """Our jobs that are not over, by name: their Flink ids."""
    answer = httpx.get(f"{settings.flink}/jobs/overview", timeout=10).raise_for_status().json()
    return {job["name"]: job["jid"] for job in answer["jobs"] if job["name"] in JOBS and job["state"] not in ENDED}


def job_request(settings: Settings, name: str) -> dict[str, Any]:
    """What `pipelines.py` is told about one job: its folder, its checkpoints and what to resume from."""
    folder = JOBS[name]
    uri = f"{settings.checkpoints_uri}/{folder}"
    configuration = {
        "pipeline.name": name,
        "execution.checkpointing.dir": uri,
        "execution.checkpointing.interval": f"{settings.checkpoint_seconds} s",
    }
    last = checkpoints.newest(uri)
    checkpoints.check(last, flink_commits(settings, pipelines.tables_written(folder)), uri)
    if last:
        configuration["execution.state-recovery.path"] = last.path
    log.info("submitting", job=name, resume_from=last.path if last else None)
    return {"folder": folder, "configuration": configuration}


def sql_values(settings: Settings) -> dict[str, str | dict[str, str]]:
    """What the `${…}` of the SQL files stand for: addresses of this stack, and two checked numbers."""
    lake = urlsplit(settings.postgres("lake"))
    return {
        "kafka": settings.kafka,
        "catalog_uri": f"jdbc:postgresql://{lake.hostname}:{lake.port or 5432}{lake.path}",
        "catalog_user": unquote(lake.username or ""),
        "catalog_password": unquote(lake.password or ""),
        "warehouse": {"warehouse": settings.warehouse_uri, **file_options(settings)},
        "price_move_threshold": str(settings.price_move_threshold),
        "price_move_bars": str(settings.price_move_bars),
    }


def class_path(settings: Settings) -> dict[str, str]:
    """The variable by which Flink's scripts are told of jars beyond their own folder; the folder serves every stack."""
    return {"HADOOP_CLASSPATH": os.pathsep.join(str(jar.path(settings)) for jar in file_jars(settings))}


def _start(settings: Settings, names: list[str]) -> dict[str, str]:
    return start(settings, [job_request(settings, name) for name in names])


def start(settings: Settings, jobs: list[dict[str, Any]]) -> dict[str, str]:
    """Submit jobs as `job_request` describes them; their Flink ids by name. SubmitError where Flink refuses."""
    from stack.setup.environments import package, python
    from stack.setup.jdk import jdk_home

    flink = package(settings, "flink", "pyflink") / "bin" / "flink"
    interpreter = str(python(settings, "flink"))
    names = {job["configuration"]["pipeline.name"] for job in jobs}
    request = {"values": sql_values(settings), "jobs": jobs}
    address = urlsplit(settings.flink)
    done = subprocess.run(
        [
            str(flink), "run", "--detached",
            "--jobmanager", f"{address.hostname}:{address.port}",
            "--pyClientExecutable", interpreter,
            "--pyExecutable", interpreter,
            "--python", str(PROJECT / "streaming" / "flink" / "pipelines.py"),
        ],
        env={
            "FLINK_CONF_DIR": str(settings.home / "flink" / "conf"),
            **os.environ,
            "JAVA_HOME": str(jdk_home(settings, "flink")),
            **class_path(settings),
            "JVM_ARGS": "-Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
            pipelines.VARIABLE: json.dumps(request),
        },
        cwd=settings.home,
        capture_output=True,
        text=True,
        timeout=SUBMIT_SECONDS,
        check=False,
    )  # fmt: skip
    started = dict(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("submitted "))
    if done.returncode or set(started) != names:
        raise SubmitError(f"Flink refused {', '.join(sorted(names))}: {reason(done.stdout + done.stderr)}")
    log.info("submitted", **started)
    return started


def reason(output: str) -> str:
    """The last causes of a Java stack trace, without the trace."""
    causes = [line.strip() for line in output.splitlines() if line.startswith(("Caused by:", "Exception", "Error"))]
    return " · ".join(causes[-3:]) or output.strip()[-500:] or "it said nothing"


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One submission at a time, so that no job starts twice; the kernel frees the lock if we die."""
    folder = settings.home / "flink"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "submit.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def watch(settings: Settings) -> None:
    """Put missing jobs back, for ever. A lost checkpoint ends it: only a person can put that right."""
    while True:
        try:
            submit(settings)
        except (httpx.HTTPError, OperationalError, SubmitError, subprocess.TimeoutExpired) as error:
            log.warning("not submitted, will try again", error=str(error))
        time.sleep(WATCH_SECONDS)


def main() -> None:
    """Submit once, or keep the jobs running with `--watch`."""
    parser = argparse.ArgumentParser(prog="python -m streaming.flink.submit", description=__doc__)
    parser.add_argument("--watch", action="store_true", help="keep the jobs running instead of submitting them once")
    if parser.parse_args().watch:
        watch(the_settings())
    submit(the_settings())


if __name__ == "__main__":
    main()
