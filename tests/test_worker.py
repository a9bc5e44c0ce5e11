"""The worker's process: one per SQLite file, and a stop that comes in time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from telecontrol.config import Settings
from telecontrol.errors import Misconfigured
from telecontrol.worker import Worker, assemble


async def test_a_second_worker_on_one_sqlite_file_refuses_and_says_why(
    settings: Callable[..., Settings], sqlite_url: Callable[..., str]
) -> None:
    chosen = settings(database_url=sqlite_url())
    first, second = assemble(chosen), assemble(chosen)
    running = Worker(first)
    running.start()
    try:
        with pytest.raises(Misconfigured, match=f"process {os.getpid()} already works on this SQLite file"):
            Worker(second).start()
    finally:
        await running.stop()
    again = Worker(second)
    again.start()
    await again.stop()
    await first.aclose()
    await second.aclose()


async def test_a_failing_sweep_is_told_by_readiness_and_the_next_tick_comes(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    runtime = assemble(settings(database_url=f"sqlite+aiosqlite:///{tmp_path / 'without_tables.sqlite'}"))
    worker = Worker(runtime)
    worker.start()
    async with asyncio.timeout(60):
        while not runtime.failing:
            await asyncio.sleep(0.05)
    assert "OperationalError" in (runtime.faults()["worker"] or "")
    await worker.stop()
    await runtime.aclose()


@pytest.mark.serial
def test_sigterm_ends_the_command_in_time(sqlite_url: Callable[..., str], tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "TELECONTROL_DATABASE_URL": sqlite_url(),
        "TELECONTROL_DATA_DIR": str(tmp_path),
        "TELECONTROL_SECRET": "a-secret-for-tests-of-more-than-32-characters",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "telecontrol", "worker"], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "worker_started" in line
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        process.wait(timeout=25)
        assert time.monotonic() - began < 25
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
