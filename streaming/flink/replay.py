"""The PyFlink program that runs a job's SQL over files instead of Kafka, to the end: for scoring rules.

`python -m streaming.flink.replay JOB FOLDER` reads `FOLDER/<topic>.jsonl`, an envelope a line in the order of the
market's minutes, and writes what the job says to files in `FOLDER/<topic>/`. It runs in Flink's own environment, like
`pipelines.py`; only the connectors of that program's tables are changed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from streaming.flink.pipelines import CONFIGURATION, files, statements

KAFKA = re.compile(r"\)\s*WITH\s*\(\s*'connector' = 'kafka'.*\Z", re.DOTALL)
LIVE = ("execution.checkpointing.", "restart-strategy.")
PATIENT = {
    "restart-strategy.type": "none",
    "execution.buffer-timeout.enabled": "false",  # nobody waits for a single alert
    # A machine that is busy with other things is slow, not dead.
    "heartbeat.timeout": "3600000",
    "pekko.ask.timeout": "1 h",
    "slot.request.timeout": "3600000",
}
TOPIC = re.compile(r"'topic' = '([^']+)'")


def over_files(statement: str, folder: Path) -> str:
    """The statement, its table on files of `folder` where it was on a Kafka topic."""
    options = KAFKA.search(statement)
    if options is None:
        return statement
    topic = TOPIC.findall(options[0])[0]
    path = folder / topic if "'sink." in options[0] else folder / f"{topic}.jsonl"
    return f"{statement[: options.start()]}) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json')"


def main(job: str, folder: Path) -> None:
    """Run the job in this process's own small cluster until the files are read."""
    from pyflink.common import Configuration
    from pyflink.table import EnvironmentSettings, TableEnvironment

    configuration = Configuration()
    kept = {key: value for key, value in CONFIGURATION.items() if not key.startswith(LIVE)}
    for option, value in {**kept, **PATIENT}.items():
        configuration.set_string(option, value)
    settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    table_env = TableEnvironment.create(settings)
    inserts = table_env.create_statement_set()
    for file in files(job):
        for statement in statements(file.read_text(encoding="utf-8"), {"kafka": ""}):
            if statement.startswith("INSERT"):
                inserts.add_insert_sql(statement)
            else:
                table_env.execute_sql(over_files(statement, folder))
    inserts.execute().wait()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
