"""supervisord: its configuration, its start, and a client. It keeps the servers alive and rotates their logs."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Callable, Iterable
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport
from tenacity import retry, stop_after_delay, wait_fixed

from stack.model import Server
from stack.processes import MARK, mark
from stack.settings import StackSettings
from stack.texts import write_private

LONGEST_SOCKET_PATH = 100
"""The kernel takes 107 bytes, and supervisord binds beside it first."""
LOG_BYTES, LOG_FILES = 16 * 2**20, 3
NOT_THERE = (OSError, xmlrpc.client.ProtocolError, HTTPException)
"""What a call raises when no supervisord answers."""


def run_folder(settings: StackSettings) -> Path:
    """The folder of sockets: in the home, or a private one with a short name where the home's path is too long."""
    folder = settings.home.absolute() / "run"
    if len(str(folder / "supervisor.sock")) > LONGEST_SOCKET_PATH:
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"tickhouse-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise PermissionError(f"{folder} is not private to this user: remove it")
    return folder


def log_file(settings: StackSettings, name: str) -> Path:
    """The log of a server."""
    return settings.home.absolute() / "logs" / f"{name}.log"


def environment(settings: StackSettings) -> dict[str, str]:
    """What every process of the stack finds in its environment: the settings that were given, and the mark."""
    given = {name: value for name, value in os.environ.items() if name.startswith("TICKHOUSE_")}
    fixed = {
        "TICKHOUSE_HOME": str(settings.home.absolute()),
        "TICKHOUSE_CACHE": str(settings.cache.absolute()),
        "TICKHOUSE_PORT_OFFSET": str(settings.port_offset),
        MARK: mark(settings),
    }
    return given | fixed


def configuration(settings: StackSettings, servers: Iterable[Server]) -> str:
    """supervisord.conf. Nothing starts by itself: `up` starts each when what it needs is ready."""
    folder = run_folder(settings)
    user = "user=root\n" if os.geteuid() == 0 else ""  # says that being root is meant
    text = f"""\
[unix_http_server]
file={_escape(str(folder / "supervisor.sock"))}
chmod=0700

[supervisord]
logfile={_escape(str(log_file(settings, "supervisord")))}
logfile_maxbytes={LOG_BYTES}
logfile_backups={LOG_FILES}
pidfile={_escape(str(folder / "supervisord.pid"))}
childlogdir={_escape(str(settings.home.absolute() / "logs"))}
umask=077
minfds=1024
{user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
    return text + "".join(_program(settings, server) for server in servers)


def _program(settings: StackSettings, server: Server) -> str:
    variables = environment(settings) | dict(server.environment)
    quoted = ",".join(f"{name}={_quote(value)}" for name, value in sorted(variables.items()))
    return f"""
[program:{server.name}]
command={_escape(shlex.join(server.argv))}
environment={_escape(quoted)}
directory={_escape(str(settings.home.absolute()))}
autostart=false
autorestart=true
startsecs=2
startretries=20
stopsignal={server.stop_signal}
stopwaitsecs={server.stop_seconds}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={_escape(str(log_file(settings, server.name)))}
stdout_logfile_maxbytes={LOG_BYTES}
stdout_logfile_backups={LOG_FILES}
"""


def _escape(text: str) -> str:
    return text.replace("%", "%%")  # % begins one of supervisord's own variables


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Supervisor:
    """A client of this stack's supervisord."""

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self._socket = run_folder(settings) / "supervisor.sock"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The methods of supervisord's XML-RPC interface, such as `startProcess`."""

        def call(*arguments: Any) -> Any:
            # A connection a call: one that failed cannot be used again, and threads cannot share one.
            transport = SupervisorTransport(None, None, f"unix://{self._socket}")
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            try:
                return getattr(proxy.supervisor, name)(*arguments)
            finally:
                transport.close()

        return call

    def running(self) -> bool:
        """Whether supervisord answers."""
        try:
            self.getState()
        except NOT_THERE:
            return False
        return True

    def states(self) -> dict[str, dict[str, Any]]:
        """What supervisord knows of each program, by name; empty when it is not running."""
        try:
            return {info["name"]: info for info in self.getAllProcessInfo()}
        except NOT_THERE:
            return {}

    def ensure(self, servers: Iterable[Server]) -> None:
        """Start supervisord, or tell the running one of programs that are new or that changed while stopped."""
        path = run_folder(self.settings) / "supervisord.conf"
        write_private(path, configuration(self.settings, servers))
        if not self.running():
            self._start(path)
            return
        ((added, changed, removed),) = self.reloadConfig()
        states = self.states()
        for name in [*changed, *removed]:
            if name not in states or states[name]["pid"] == 0:
                self.removeProcessGroup(name)
        for name in [*added, *changed]:
            if name not in self.states():
                self.addProcessGroup(name)

    def _start(self, path: Path) -> None:
        log_file(self.settings, "supervisord").parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(path)]
        environ = {**os.environ, **environment(self.settings)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"supervisord did not start: {(done.stderr or done.stdout).strip()}")
        self._wait()

    @retry(stop=stop_after_delay(15), wait=wait_fixed(0.1), reraise=True)
    def _wait(self) -> None:
        self.getState()
