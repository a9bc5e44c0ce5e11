"""A PostgreSQL server of our own, made from Debian's binaries in a temporary folder, gone with the test run.

`initdb` and `postgres` refuse to run as root: then they run as Debian's `postgres` user. The server dies with the process
that started it, so a killed test run leaves nothing behind. Writes are acknowledged as in production
(`synchronous_commit=on`); only `fsync` is off, which matters to power cuts and not to killed processes.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.needs import require
from tests.support.ports import free_port

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "timezone": "Pacific/Chatham",
    "log_min_messages": "fatal",
}


def binaries() -> Path:
    """The newest of Debian's PostgreSQL servers on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return require(found[-1] if found else None, "PostgreSQL (/usr/lib/postgresql/*/bin)").parent


@dataclass
class PostgresServer:
    """One server: `start`, `kill` and `start` again, `stop` for good."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    _made: int = field(default=0)

    @classmethod
    def create(cls) -> PostgresServer:
        """Make a cluster in a new temporary folder and start it."""
        folder = Path(tempfile.mkdtemp(prefix="telecontrol-pg-"))
        server = cls(folder)
        if os.geteuid() == 0:
            shutil.chown(folder, _account())
        command = [
            "initdb",
            "-D",
            str(server.data),
            "-U",
            "telecontrol",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        server._run(*command, "--no-sync")
        server.start()
        return server

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start on a free port (the same one again after `kill`), and wait until it answers."""
        for _ in range(3):
            self.port = self.port or free_port()
            self._launch()
            if self._answers():
                self._check_it_is_ours()
                return
            self.kill()
            self.port = 0
        raise RuntimeError(
            f"PostgreSQL does not start; see {self.folder / 'log'}:\n{(self.folder / 'log').read_text()}"
        )

    def kill(self) -> None:
        """SIGQUIT: PostgreSQL's immediate shutdown. Every connection is cut, nothing is flushed; the data folder stays."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)
            self.process = None

    def stop(self) -> None:
        """Stop, and remove the data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        """The service's address of the database `name`."""
        return f"postgresql+asyncpg://telecontrol@127.0.0.1:{self.port}/{name}"

    def create_database(self, name: str = "", *, template: str = "template0") -> str:
        """Make a database (a new name unless given) as a copy of `template`, which nobody may be connected to; its name."""
        self._made += 1
        name = name or f"made_{self._made}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return name

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement outside a transaction; what it prints, unadorned."""
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "telecontrol", "-d", database]
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *address, "-c", statement).strip()

    def _launch(self) -> None:
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [
            str(binaries() / "postgres"),
            "-D",
            str(self.data),
            "-p",
            str(self.port),
            "-k",
            str(self.folder),
            *options,
        ]
        if guard := shutil.which("setpriv"):
            command = [guard, "--pdeathsig", "QUIT", *_as_account(), *command]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=_environment()
            )

    def _answers(self) -> bool:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                return False
            probe = [str(binaries() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
            if subprocess.run(probe, check=False).returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def _check_it_is_ours(self) -> None:
        """Nothing is written before the server that answers has said that it works in our folder."""
        said = self.sql("SHOW data_directory")
        if Path(said) != self.data:
            raise RuntimeError(f"another PostgreSQL ({said}) answers on port {self.port}")

    def _run(self, name: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(binaries() / name), *arguments],
            cwd=self.folder,
            user=_account() if os.geteuid() == 0 else None,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name} failed: {done.stderr.strip()}")
        return done.stdout


def _account() -> str:
    """Who runs the server when we are root."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _as_account() -> list[str]:
    if os.geteuid() != 0:
        return []
    entry = pwd.getpwnam(_account())
    return [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]


def _environment() -> dict[str, str]:
    """A plain environment: no PG* variable of the machine reaches the server or its tools."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
