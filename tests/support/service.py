"""The whole service over real HTTP, in this process, on a clock that the test moves: what journeys are told with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from telecontrol import log
from telecontrol.clock import VirtualClock
from telecontrol.config import Environment, Settings
from telecontrol.demo.clock import walk
from telecontrol.notify.models import LocalMessage
from telecontrol.notify.queries import local_messages
from telecontrol.web.app import create_app
from telecontrol.worker import Runtime, run_once
from tests.support.ports import free_port


@dataclass(slots=True)
class Service:
    """A running service. `http` follows no redirect and keeps no cookie between `browser()`s."""

    app: FastAPI
    settings: Settings
    clock: VirtualClock
    runtime: Runtime
    http: httpx2.AsyncClient

    @property
    def url(self) -> str:
        return self.settings.public_url

    async def until(self, instant: datetime) -> None:
        """Move the clock through every due instant, the worker's sweeps running at each."""
        await walk(self.runtime, until=instant)

    async def later(self, **by: float) -> None:
        await self.until(self.clock.now() + timedelta(**by))

    async def work(self) -> None:
        """Everything due now."""
        await run_once(self.runtime)

    async def messages(self, **wanted: Any) -> list[LocalMessage]:
        """What the local mailboxes and phones hold, newest first."""
        async with self.runtime.database.reading() as session:
            return await local_messages(session, **wanted)

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx2.AsyncClient]:
        """A client with cookies of its own, that sends the Origin as browsers do and follows redirects."""
        async with httpx2.AsyncClient(
            base_url=self.url, headers={"Origin": self.url}, follow_redirects=True, timeout=90, verify=False
        ) as client:
            yield client


@asynccontextmanager
async def serving(
    database_url: str, *, now: datetime, folder: Path, port: int | None = None, **settings: Any
) -> AsyncIterator[Service]:
    """Serve the application on a database that has its schema, from `now` (aware); the worker runs when the test says so."""
    port = port or free_port()
    given = {
        "environment": Environment.DEMO,
        "database_url": database_url,
        "public_url": f"http://127.0.0.1:{port}",
        "port": port,
        "data_dir": folder,
        "secret": "a-secret-for-tests-of-more-than-32-characters",
        "livekit_api_secret": "a-ticket-secret-for-tests-of-more-than-32-characters",
        "worker_inside": False,
    }
    log.configure(json=True, level="ERROR")
    chosen = Settings(**{**given, **settings})
    clock = VirtualClock(frozen_at=now)
    app = create_app(chosen, clock=clock)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    )
    # The test's own signals stay the test's.
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    try:
        await _until(lambda: server.started or running.done())
        if running.done():
            running.result()
        async with httpx2.AsyncClient(base_url=chosen.public_url, timeout=90, verify=False) as client:
            yield Service(app, chosen, clock, app.state.runtime, client)
    finally:
        server.should_exit = True
        await running


async def _until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
