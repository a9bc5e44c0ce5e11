"""The web application: what is mounted where."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from http import HTTPStatus

from fastapi import FastAPI, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from telecontrol import __version__, log
from telecontrol.clock import Clock
from telecontrol.config import Environment, Settings, VideoProvider
from telecontrol.controls.import_jobs import ImportJobs
from telecontrol.scheduling import attendance
from telecontrol.video.builtin import BuiltinProvider
from telecontrol.video.desk import CallDesk
from telecontrol.video.livekit import LivekitProvider
from telecontrol.web import local_insurer
from telecontrol.web.api import api_application
from telecontrol.web.calls import call_routes
from telecontrol.web.errors import install_error_handlers
from telecontrol.web.health import health
from telecontrol.web.hooks import hooks
from telecontrol.web.limits import HeadAsGet, RequestLimits
from telecontrol.web.pages import page_routers
from telecontrol.web.security import SecurityHeaders
from telecontrol.web.templating import STATIC, Templates, load_templates
from telecontrol.worker import Runtime, Worker, assemble

logger = log.get("web")

_COMPRESSED = ".gz"


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application of one process; with `settings.worker_inside` the worker runs in it.

    `clock` is the service's time, the machine's by default. Raises `Misconfigured` when the settings must not start.
    """
    runtime = assemble(settings, clock=clock)
    provider = _video(settings, runtime)

    imports = ImportJobs(runtime.database, runtime.clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if settings.web_processes == 1:
            await imports.take_over()
        worker = Worker(runtime) if settings.worker_inside else None
        if worker is not None:
            worker.start()
        try:
            yield
        finally:
            await imports.aclose()
            if worker is not None:
                await worker.stop()
            await runtime.aclose()

    app = FastAPI(
        title="Telecontrol", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.runtime = runtime
    app.state.video = provider
    app.state.imports = imports
    app.state.templates = _templates()
    app.add_middleware(RequestLimits)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders, settings=settings)
    install_error_handlers(app)
    app.include_router(call_routes(provider, settings=settings))
    app.router.routes.extend(
        _lasting_routes(shows_outbox=settings.shows_outbox, is_demo=settings.environment is Environment.DEMO)
    )
    app.mount("/static", _Static(directory=STATIC), name="static")
    return app


@cache
def _lasting_routes(*, shows_outbox: bool, is_demo: bool) -> Sequence[BaseRoute]:
    """The routes that hold nothing of one application. To build them takes half a second: once in a process is enough."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(health)
    app.include_router(hooks)
    for router in page_routers(shows_outbox=shows_outbox, is_demo=is_demo):
        app.include_router(router)
    if shows_outbox:
        app.include_router(local_insurer.gateway)
    api_application(app)
    return app.router.routes


@cache
def _templates() -> Templates:
    return load_templates()


def _video(settings: Settings, runtime: Runtime) -> CallDesk:
    """Who holds the calls."""
    make = LivekitProvider if settings.video_provider is VideoProvider.LIVEKIT else BuiltinProvider
    return make(settings=settings, database=runtime.database, clock=runtime.clock, admit=attendance.admit_into)


class _Static(StaticFiles):
    """Built files carry their hash in their name: a browser may keep them for a year. They come compressed to whoever takes them
    so, as they were built. Pages never do: they hold form tokens, which a compressed page's size gives away."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        takes_gzip = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        response = None
        if takes_gzip and not path.endswith(_COMPRESSED):
            with suppress(HTTPException):
                response = await super().get_response(path + _COMPRESSED, scope)
        if response is None:
            response = await super().get_response(path, scope)
        elif response.status_code == HTTPStatus.OK:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def runtime_of(app: FastAPI) -> Runtime:
    """The runtime that an application holds: the demo's clock and tests reach it here."""
    runtime: Runtime = app.state.runtime
    return runtime
