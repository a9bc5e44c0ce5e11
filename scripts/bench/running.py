"""The service's own processes as the measures start them: on a clock ahead of or behind the machine's, like the real ones else.

    python -m scripts.bench.running serve|worker SECONDS        (settings from the environment)

SECONDS are added to the machine's clock. Stops on SIGTERM, as the service does.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn

from telecontrol import log
from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.web.app import create_app
from telecontrol.worker import Worker, assemble
from tests.support.twilio_server import ACCOUNT, SERVICE, TOKEN

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-of-the-measures-of-more-than-32-characters"  # noqa: S105  (of this run's own databases)


class Outside:
    """The mail relay and the SMS provider, as `scripts.bench.outside` runs them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ports: dict[str, Any] = self._line()

    def ask(self, what: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def outside() -> Iterator[Outside]:
    with _started("scripts.bench.outside") as process:
        yield Outside(process)


@contextmanager
def service(*kinds: str, ahead: timedelta, environment: dict[str, str]) -> Iterator[None]:
    """Processes of the service (`serve`, `worker`) that are ready, on clocks `ahead` of the machine's."""
    with ExitStack() as running:
        started = [
            running.enter_context(_started("scripts.bench.running", kind, str(ahead.total_seconds()), **environment))
            for kind in kinds
        ]
        for process in started:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("a process of the service did not start")
        yield


def environment(database_url: str, providers: Outside, folder: Path, **settings: object) -> dict[str, str]:
    """The settings of a process that sends to `providers`."""
    values = {
        "database_url": database_url,
        "data_dir": folder,
        "secret": SECRET,
        "livekit_api_secret": SECRET,
        "mail_channel": "smtp",
        "smtp_host": "127.0.0.1",
        "smtp_port": providers.ports["smtp_port"],
        "sms_channel": "twilio",
        "twilio_api_url": providers.ports["twilio_url"],
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_messaging_service_sid": SERVICE,
        "worker_inside": "false",
        "log_level": "WARNING",
        **settings,
    }
    return {f"TELECONTROL_{name.upper()}": str(value) for name, value in values.items()}


@contextmanager
def _started(module: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _work(settings: Settings, clock: VirtualClock) -> None:
    runtime = assemble(settings, clock=clock)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    worker = Worker(runtime)
    worker.start()
    print("ready", flush=True)
    await stop.wait()
    await worker.stop()
    await runtime.aclose()


class _Announcing(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print("ready", flush=True)


def main(kind: str, ahead: str) -> None:
    settings = Settings.from_environment()
    log.configure(json=False, level=settings.log_level)
    clock = VirtualClock(offset=timedelta(seconds=float(ahead)))
    if kind == "worker":
        asyncio.run(_work(settings, clock))
        return
    application = create_app(settings, clock=clock)
    config = uvicorn.Config(application, port=settings.port, access_log=False, log_config=None, server_header=False)
    _Announcing(config).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
