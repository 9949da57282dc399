"""A wrong setting is named, with its value and what is allowed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from stack.cli import app
from stack.settings import StackSettings, explain, stack_settings


def test_a_wrong_setting_names_itself_its_value_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKHOUSE_BUYERS", "0")
    monkeypatch.setenv("TICKHOUSE_KAFKA_MEMORY", "much")
    with pytest.raises(ValidationError) as raised:
        StackSettings()
    told = explain(raised.value)
    assert "TICKHOUSE_BUYERS is '0': input should be greater than or equal to 1" in told
    assert any(line.startswith("TICKHOUSE_KAFKA_MEMORY is 'much': input should be a valid integer") for line in told)


def test_a_command_with_a_wrong_setting_ends_with_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKHOUSE_PORT_OFFSET", "-1")
    stack_settings.cache_clear()
    try:
        result = CliRunner().invoke(app, ["status"])
    finally:
        stack_settings.cache_clear()
    assert result.exit_code == 2
    assert "TICKHOUSE_PORT_OFFSET is '-1'" in result.stderr


def test_a_server_that_does_not_exist_ends_with_exit_code_2_and_names_those_that_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("TICKHOUSE_HOME", str(tmp_path_factory.mktemp("home")))
    stack_settings.cache_clear()
    try:
        result = CliRunner().invoke(app, ["up", "oracle"])
    finally:
        stack_settings.cache_clear()
    assert result.exit_code == 2
    assert "there is no 'oracle'" in result.stderr
    assert "postgres" in result.stderr
