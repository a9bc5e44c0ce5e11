"""An installation as an operator makes one: the real commands in their own processes, on settings of the environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Installation:
    """`environment` is all that the commands know; nothing of the machine's own settings reaches them."""

    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str, given: str = "") -> str:
        """A command that ends well; what it printed on standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "telecontrol", *arguments],
            cwd=self.folder,
            env=self._environment(),
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[Path]:
        """`telecontrol serve` until the block ends, which it must do by itself on SIGTERM; the file of its log."""
        path = self.folder / "serve.log"
        with path.open("wb") as log:
            process = self._start(log)
            try:
                self._wait_until_ready(process, path)
                yield path
            finally:
                process.terminate()
                try:
                    code = process.wait(25)
                finally:
                    process.kill()
        assert code in (0, -15), path.read_text()[-4000:]

    def _start(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "telecontrol", "serve"],
            cwd=self.folder,
            env=self._environment(),
            stdout=log,
            stderr=log,
        )

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + 90
        while True:
            assert process.poll() is None, log.read_text()[-4000:]
            try:
                with urllib.request.urlopen(f"{self.url}/health/ready", timeout=10):
                    return
            except urllib.error.HTTPError as refused:
                said = refused.read().decode()
            except OSError as error:
                said = str(error)
            assert time.monotonic() < deadline, f"{said}\n{log.read_text()[-4000:]}"
            time.sleep(0.1)

    def _environment(self) -> dict[str, str]:
        own = {f"TELECONTROL_{name.upper()}": value for name, value in self.environment.items()}
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "TZ": "Pacific/Chatham",
            "TELECONTROL_PUBLIC_URL": self.url,
            "TELECONTROL_PORT": str(self.port),
            **own,
        }
