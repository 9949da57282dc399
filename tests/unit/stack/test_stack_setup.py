"""Set-up: locks without registries, checked sums, resumed environments, the right Java."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stack.setup import artefacts, environments, jdk
from stack.setup.cache import writing
from stack.setup.lock import LOCK, Artefact, locked, parse, render
from stack.setup.trino import trino_home
from streaming.contracts.settings import PROJECT, Settings

CONTENT = b"bytes of a jar"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache")


def artefact(content: bytes = CONTENT) -> Artefact:
    return Artefact("org.example", "thing", "jar", "1.0", hashlib.sha256(content).hexdigest(), len(content))


def put(settings: Settings, content: bytes) -> None:
    path = artefact().path(settings)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def test_the_lock_holds_sums_and_names_no_registry() -> None:
    text = LOCK.read_text()
    assert render(parse(text)) == text
    assert "://" not in text
    assert all(re.fullmatch("[0-9a-f]{64}", found.sha256) and found.size > 0 for found in locked())


def test_no_requirements_file_names_a_registry_and_every_package_has_a_hash() -> None:
    for path in sorted((PROJECT / "requirements").glob("*.txt")):
        text = path.read_text()
        assert "://" not in text, path
        assert "index-url" not in text, path
        packages = re.findall(r"^[a-zA-Z0-9]", text, re.MULTILINE)
        assert packages
        assert len(re.findall(r"^\S.*\\\n    --hash", text, re.MULTILINE)) == len(packages), path


def test_a_line_of_the_lock_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match=r"jvm\.lock, line 2 .*: kafka nonsense"):
        parse("# head\nkafka nonsense\n")


def test_an_artefact_is_missing_until_it_is_whole_and_damaged_when_its_bytes_are_others(settings: Settings) -> None:
    assert artefacts.missing([artefact()], settings) == [artefact()]
    put(settings, CONTENT[:-1] + b"?")
    assert artefacts.missing([artefact()], settings) == []
    assert artefacts.damaged([artefact()], settings) == [artefact()]


class FakeMaven:
    """What a download gets instead of the network: one answer a try."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)

    def __call__(self, **options: Any) -> FakeMaven:
        self.folder: Path = options["repo_cache"]
        return self

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: self

    def resolve(self) -> Path:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        (self.folder / "file").write_bytes(answer)
        return self.folder / "file"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


@pytest.mark.usefixtures("impatient")
def test_a_download_that_fails_is_tried_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache.mkdir()
    monkeypatch.setattr(artefacts, "MavenContext", FakeMaven(TimeoutError("slow"), CONTENT))
    artefacts.download([artefact()], settings)
    assert artefact().path(settings).read_bytes() == CONTENT
    assert not list(settings.cache.glob(".download-*"))


@pytest.mark.usefixtures("impatient")
def test_other_bytes_than_were_locked_are_refused_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache.mkdir()
    monkeypatch.setattr(artefacts, "MavenContext", FakeMaven(b"evil", CONTENT))
    with pytest.raises(artefacts.DamagedError, match=r"org\.example:thing:jar:1\.0: sha256 is .*, locked is "):
        artefacts.download([artefact()], settings)
    assert not artefact().path(settings).exists()


def test_an_environment_is_complete_only_when_its_installation_ended(settings: Settings) -> None:
    where = environments.environment(settings, "flink")
    assert where.name == f"flink-{hashlib.sha256((PROJECT / 'requirements/flink.txt').read_bytes()).hexdigest()[:12]}"
    (where / "bin").mkdir(parents=True)
    (where / "bin" / "python").touch()
    assert not environments.complete(settings, "flink")
    (where / ".complete").touch()
    assert environments.complete(settings, "flink")


def test_the_assembled_trino_is_named_after_what_it_is_made_of(settings: Settings) -> None:
    assert re.fullmatch("trino-[0-9a-f]{12}", trino_home(settings).name)


SECOND_SET_UP = """
import sys
from pathlib import Path
from stack.setup.cache import writing
from streaming.contracts.settings import Settings

cache = Path(sys.argv[1])
with writing(Settings(cache=cache), lambda: print("waiting", flush=True)):
    sys.exit(0 if (cache / "first-is-done").exists() else 1)
"""


def test_two_set_ups_at_once_take_turns(settings: Settings) -> None:
    command = [sys.executable, "-c", SECOND_SET_UP, str(settings.cache)]
    with writing(settings):
        second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert second.stdout
        assert second.stdout.readline() == "waiting\n"
        (settings.cache / "first-is-done").touch()
    second.communicate(timeout=30)
    assert second.returncode == 0


@pytest.mark.parametrize(
    ("release", "suits"),
    [
        ('JAVA_VERSION="17.0.15"\nMODULES="java.base jdk.incubator.vector"\n', True),
        ('JAVA_VERSION="21.0.2"\nMODULES="java.base jdk.incubator.vector"\n', True),
        ('JAVA_VERSION="25"\nMODULES="java.base jdk.incubator.vector"\n', False),
        ('JAVA_VERSION="21.0.2"\nMODULES="java.base"\n', False),
        ("", False),
    ],
)
def test_spark_gets_a_full_java_17_or_21(tmp_path: Path, release: str, suits: bool) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch(0o755)
    (tmp_path / "release").write_text(release)
    assert jdk.suits_spark(tmp_path) is suits


def test_without_a_java_for_spark_one_line_says_what_to_install(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jdk, "_installed", lambda: iter(()))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(jdk.MissingJdkError, match="apt-get install openjdk-17-jre-headless") as raised:
        jdk.ensure_spark_jdk(settings)
    assert "\n" not in str(raised.value)
