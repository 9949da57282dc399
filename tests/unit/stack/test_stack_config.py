"""What the servers are told: loopback only, passwords private, sizes from the settings."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
import yaml

from stack.model import Server
from stack.servers import flink, kafka, postgres, trino
from stack.settings import StackSettings
from stack.supervisord import configuration, run_folder
from stack.texts import write_private


@pytest.fixture
def settings(tmp_path: Path) -> StackSettings:
    return StackSettings(home=tmp_path / "home", cache=tmp_path / "cache", port_offset=7)


def lines(text: str, separator: str = "=") -> dict[str, str]:
    return dict(line.split(separator, 1) for line in text.splitlines() if separator in line)


def test_kafka_listens_on_loopback_alone_and_keeps_one_copy(settings: StackSettings, tmp_path: Path) -> None:
    told = lines(kafka.server_properties(settings, tmp_path))
    assert told["listeners"] == "PLAINTEXT://127.0.0.1:19099,CONTROLLER://127.0.0.1:19100"
    assert told["auto.create.topics.enable"] == "false"
    assert {told[name] for name in told if name.endswith("replication.factor")} == {"1"}


def test_flink_keeps_its_own_java_options_and_retains_checkpoints(settings: StackSettings, tmp_path: Path) -> None:
    text = flink.configuration(settings, tmp_path, "--add-opens=java.base/java.lang=ALL-UNNAMED")
    told = yaml.safe_load(text)
    assert told["env.java.opts.all"] == "--add-opens=java.base/java.lang=ALL-UNNAMED"
    assert told["execution.checkpointing.externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"
    assert told["execution.checkpointing.interval"] == "10 s"
    assert told["execution.checkpointing.dir"] == f"file://{settings.home}/flink/checkpoints"
    assert told["taskmanager.numberOfTaskSlots"] == 8
    assert told["rest.bind-address"] == told["taskmanager.bind-host"] == told["jobmanager.bind-host"] == "127.0.0.1"


def test_trino_reads_a_file_warehouse_from_the_root_of_the_disk(settings: StackSettings) -> None:
    told = lines(trino.catalog(settings))
    assert told["local.location"] == "/"
    assert told["iceberg.jdbc-catalog.catalog-name"] == "lake"
    assert told["iceberg.jdbc-catalog.connection-password"] == settings.secrets().postgres_password
    assert told["iceberg.jdbc-catalog.default-warehouse-dir"] == f"file://{settings.home}/warehouse"


def test_trino_reads_an_s3_warehouse_through_its_own_client(settings: StackSettings) -> None:
    told = lines(trino.catalog(settings.model_copy(update={"warehouse": "s3://lake/warehouse"})))
    assert told["fs.native-s3.enabled"] == "true"
    assert "fs.native-local.enabled" not in told


def test_postgres_has_no_socket_but_loopback_and_no_password_in_its_command(settings: StackSettings) -> None:
    server = postgres.server(settings)
    assert "listen_addresses=127.0.0.1" in server.command
    assert "unix_socket_directories=" in server.command
    assert settings.secrets().postgres_password not in " ".join(server.command)


def test_supervisord_gives_back_what_it_was_given(settings: StackSettings) -> None:
    server = Server("odd", ("echo", "a b", "100%", 'say "x"'), environment={"ODD": 'a,b="c"\\%'}, data_limit=64)
    parser = configparser.RawConfigParser()
    parser.read_string(configuration(settings, [server]))
    program = parser["program:odd"]
    assert program["command"] == f"prlimit --data={64 * 2**20} -- echo 'a b' 100%% 'say \"x\"'"
    assert 'ODD="a,b=\\"c\\"\\\\%%"' in program["environment"]
    assert program["stopasgroup"] == program["killasgroup"] == "true"
    assert parser["unix_http_server"]["chmod"] == "0700"


def test_a_socket_that_would_have_too_long_a_path_is_in_a_private_folder_elsewhere(tmp_path: Path) -> None:
    settings = StackSettings(home=tmp_path / ("long" * 30))
    folder = run_folder(settings)
    try:
        assert len(str(folder)) < 100
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder == run_folder(settings)
    finally:
        folder.rmdir()


def test_configuration_files_are_their_owners_alone(tmp_path: Path) -> None:
    write_private(tmp_path / "etc" / "secret", "x")
    write_private(tmp_path / "etc" / "secret", "y")
    assert (tmp_path / "etc" / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "etc").iterdir()] == ["secret"]
