"""A server that holds calls and nothing else: the product's routes, and one bare page for each role.

In the test's own process (`running`), or as a process that can be killed:
`python -m tests.support.call_server DATABASE_URL PORT STATIC_FOLDER [HOST]`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from telecontrol.clock import Clock, SystemClock
from telecontrol.config import Settings, VideoProvider
from telecontrol.db.session import Database
from telecontrol.video.builtin import BuiltinProvider
from telecontrol.video.desk import CallDesk
from telecontrol.video.livekit import LivekitProvider
from telecontrol.video.models import Role
from telecontrol.web.calls import call_routes, companion_answer, ticket_answer
from telecontrol.web.errors import install_error_handlers
from telecontrol.web.hooks import hooks
from telecontrol.web.security import SecurityHeaders

PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>{role}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/call.css"><script type="module" src="/static/call.js"></script></head>
<body><main data-call data-call-provider="{provider}" data-call-role="{role}" data-call-ticket-url="/harness/{room_id}/{role}/ticket"
 data-call-room="{room_id}" data-call-phone="01 84 80 00 00" data-call-start="{start}"
 data-call-link-url="/harness/{room_id}/link"></main></body></html>"""


def call_app(
    settings: Settings,
    database: Database,
    clock: Clock,
    *,
    static: Path | None = None,
    ping_seconds: float = 20.0,
    grace_seconds: float = 45.0,
) -> FastAPI:
    """The product's call, plus pages that anybody may open."""
    make = LivekitProvider if settings.video_provider is VideoProvider.LIVEKIT else BuiltinProvider
    provider: CallDesk = make(settings=settings, database=database, clock=clock, grace_seconds=grace_seconds)
    app = FastAPI()
    app.state.provider = app.state.video = provider
    app.add_middleware(SecurityHeaders, settings=settings)
    install_error_handlers(app)
    app.include_router(call_routes(provider, settings=settings, ping_seconds=ping_seconds))

    app.include_router(hooks)

    @app.get("/harness/{room_id}/{role}")
    async def page(room_id: uuid.UUID, role: Role, lang: str = "fr", start: str = "now") -> HTMLResponse:
        return HTMLResponse(PAGE.format(provider=provider.name, room_id=room_id, role=role, lang=lang, start=start))

    @app.post("/harness/{room_id}/{role}/ticket")
    async def ticket(room_id: uuid.UUID, role: Role) -> dict[str, Any]:
        return ticket_answer(provider, room_id=room_id, role=role, identity=f"the-{role}")

    @app.get("/harness/{room_id}/{role}/companion")
    async def companion_page(room_id: uuid.UUID, role: Role) -> HTMLResponse:
        """The insured's page as it is opened by whoever comes with them."""
        page = PAGE.format(provider=provider.name, room_id=room_id, role=role, lang="fr", start="now")
        page = page.replace("data-call ", "data-call data-call-companion ")
        return HTMLResponse(page.replace('/ticket"', '/companion/ticket"'))

    @app.post("/harness/{room_id}/{role}/companion/ticket")
    async def companion_ticket(room_id: uuid.UUID, role: Role) -> dict[str, Any]:
        return companion_answer(provider, room_id=room_id, identity="the-companion", name="Marie-Ange Payet")

    @app.post("/harness/{room_id}/link")
    async def link(room_id: uuid.UUID) -> dict[str, str]:
        return {"url": f"{settings.public_url}/i/a-link-for-another-browser"}

    if static is not None:
        app.mount("/static", StaticFiles(directory=static))
    return app


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The test run keeps its own signals."""
        yield


@dataclass
class Running:
    url: str
    settings: Settings
    provider: CallDesk

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1)


def bound() -> socket.socket:
    """A listening socket on a free port of loopback."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    return listening


@asynccontextmanager
async def running(settings: Settings, database: Database, clock: Clock, **options: Any) -> AsyncIterator[Running]:
    """The server in this process, on a free port, until the block ends."""
    listening = bound()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    settings = settings.model_copy(update={"public_url": url})
    app = call_app(settings, database, clock, **options)
    server = _Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield Running(url, settings, app.state.provider)
    finally:
        server.should_exit = True
        await serving


def main(database_url: str, port: str, static: str, host: str = "127.0.0.1") -> None:
    """Serve until killed. Whatever it listens on, the service's address is the one on loopback."""
    settings = Settings(
        database_url=database_url,
        public_url=f"http://127.0.0.1:{port}",
        livekit_api_secret="a-ticket-secret-for-tests-of-more-than-32-characters",
    )
    app = call_app(settings, Database(database_url), SystemClock(), static=Path(static))
    uvicorn.run(app, host=host, port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
