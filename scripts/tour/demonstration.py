"""The demonstration in a process of its own, at a morning that is always the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from rich.console import Console

from telecontrol.cli.demo import run_demo
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
OPENING = datetime(2026, 11, 24, 8, 48, tzinfo=UTC)
"""A Tuesday, 09:48 in Paris: an appointment at ten can just be joined."""


@contextmanager
def demonstration() -> Iterator[dict[str, Any]]:
    """The demonstration in a process of its own, ready; what its var/demo.json tells."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", f"from scripts.tour.demonstration import perform; perform({port})"],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        )
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}/health/ready", process)
            facts: dict[str, Any] = json.loads((Path(folder) / "var" / "demo.json").read_text("utf-8"))
            yield facts
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def perform(port: int) -> None:
    """Serve the demonstration from `OPENING`: what the tour's other process does."""
    run_demo(port=port, keep=False, console=Console(quiet=True), begins_at=OPENING)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310  (our own server on loopback)
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("the demonstration does not start")
