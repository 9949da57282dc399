"""Superset's settings: secrets from the environment alone, nothing public, nothing sent to the internet."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from stack import dashboards
from streaming.contracts.settings import Settings

GIVEN = {
    "SUPERSET_SECRET_KEY": "a-key-for-this-test",
    "SUPERSET_DATABASE_URI": "postgresql://u:p@127.0.0.1:1/superset",
}


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(dashboards.CONFIG))


@pytest.mark.parametrize("missing", GIVEN)
def test_it_does_not_start_without_its_secrets(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(missing)
    with pytest.raises(KeyError, match=missing):
        runpy.run_path(str(dashboards.CONFIG))


def test_nobody_comes_in_without_a_password(config: dict[str, Any]) -> None:
    assert config["PUBLIC_ROLE_LIKE"] is None
    assert config["AUTH_USER_REGISTRATION"] is False
    assert config["WTF_CSRF_ENABLED"] is True
    assert config["SESSION_COOKIE_HTTPONLY"] is True


def test_no_key_is_the_published_default(config: dict[str, Any]) -> None:
    keys = {config[name] for name in ("SECRET_KEY", "GUEST_TOKEN_JWT_SECRET", "GLOBAL_ASYNC_QUERIES_JWT_SECRET")}
    assert len(keys) == 3
    assert not any("change-me" in key for key in keys)


def test_the_browser_is_sent_to_no_other_host(config: dict[str, Any]) -> None:
    policy = config["TALISMAN_CONFIG"]["content_security_policy"]
    sources = {source for allowed in policy.values() for source in ([allowed] if isinstance(allowed, str) else allowed)}
    assert not [source for source in sources if "." in source or "http" in source or "*" in source]


def test_the_environment_names_what_the_settings_need(tmp_path: Any) -> None:
    settings = Settings(home=tmp_path)
    environment = dashboards.environment(settings)
    assert GIVEN.keys() <= environment.keys()
    assert environment["SUPERSET_SECRET_KEY"] == settings.secrets().superset_secret_key
    assert environment["SUPERSET_DATABASE_URI"].endswith("/superset")
