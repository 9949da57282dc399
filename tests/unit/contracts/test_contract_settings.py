"""Settings: defaults that fit together, secrets that stay private."""

import json
import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from streaming.contracts.settings import Secrets, Settings


def test_default_ports_move_together(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, port_offset=500)
    assert settings.kafka == "127.0.0.1:19592"
    assert settings.flink == "http://127.0.0.1:18581"
    assert settings.trino == "http://127.0.0.1:18580"


def test_a_given_address_wins_over_the_local_stacks(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, kafka_bootstrap="kafka-1:9092,kafka-2:9092", warehouse="s3://lake/warehouse")
    assert settings.kafka == "kafka-1:9092,kafka-2:9092"
    assert settings.warehouse_uri == "s3://lake/warehouse"


def test_secrets_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "new")
    first = settings.secrets()
    assert first == settings.secrets()
    assert stat.S_IMODE((tmp_path / "new" / "secrets.json").stat().st_mode) == 0o600
    assert len(set(first.model_dump().values())) == len(Secrets.model_fields)


def test_a_secret_that_an_older_version_did_not_know_is_added(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    older = settings.secrets().model_dump(exclude={"superset_analyst_password"})
    (tmp_path / "secrets.json").write_text(json.dumps(older))
    now = settings.secrets()
    assert now.superset_analyst_password
    assert now.model_dump(exclude={"superset_analyst_password"}) == older
    assert now == settings.secrets()
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_secrets_given_by_the_environment_are_used_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Secrets.model_fields:
        monkeypatch.setenv(f"TICKHOUSE_{name.upper()}", f"given-{name}")
    assert Settings(home=tmp_path / "new").secrets().reader_password == "given-reader_password"
    assert not (tmp_path / "new").exists()


def test_a_reader_never_gets_the_owners_password(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, postgres_url="postgresql://boss:hunter2@db:5432")
    url = settings.postgres("lake", "reader")
    assert url.startswith("postgresql://tickhouse_reader:")
    assert url.endswith("@db:5432/lake")
    assert "hunter2" not in url


def test_a_wrong_setting_is_named_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKHOUSE_PORT_OFFSET", "99999")
    with pytest.raises(ValidationError, match=r"port_offset[\s\S]*less than or equal to 40000[\s\S]*99999"):
        Settings()
