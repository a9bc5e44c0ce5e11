"""The local insurer over HTTP: the same contract as any insurer's gateway, beside `/outbox` and never in production."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from contextvars import ContextVar

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from telecontrol import log
from telecontrol.config import Settings
from telecontrol.reports import insurer_inbox
from telecontrol.reports.contract import Answer
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep

logger = log.get("web.local_insurer")
gateway = APIRouter(prefix=paths.LOCAL_INSURER, include_in_schema=False)


def gateway_url(settings: Settings) -> str:
    """What the demonstration's insurer is configured with."""
    return settings.public_url.rstrip("/") + paths.LOCAL_INSURER


def bearer(settings: Settings) -> str:
    """The key that the local insurer gave to this installation."""
    key = settings.secret.get_secret_value().encode()
    return hmac.new(key, b"local-insurer", hashlib.sha256).hexdigest()


@gateway.get("/health")
async def health(request: Request, runtime: RuntimeDep) -> Response:
    return _response(insurer_inbox.health(dict(request.headers), bearer=bearer(runtime.settings)))


@gateway.get("/reports/{key}")
async def look_up(request: Request, runtime: RuntimeDep, session: ReadingDep, key: str) -> Response:
    answer = await insurer_inbox.look_up(
        session, key=key, headers=dict(request.headers), bearer=bearer(runtime.settings)
    )
    return _response(answer)


@gateway.post("/reports")
async def receive(request: Request, runtime: RuntimeDep, now: NowDep) -> Response:
    """Takes the report in a transaction of its own, so that slowness never holds one open."""
    body = await request.body()
    async with runtime.database.transaction() as session:
        exchange = await insurer_inbox.receive(
            session,
            headers=dict(request.headers),
            body=body,
            bearer=bearer(runtime.settings),
            mode=await insurer_inbox.take_mode(session),
            now=now,
        )
    await asyncio.sleep(exchange.delay.total_seconds())
    return _DroppedResponse() if exchange.drop_connection else _response(exchange.answer)


def _response(answer: Answer) -> Response:
    return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))


_is_on_purpose: ContextVar[bool] = ContextVar("local_insurer_drops_on_purpose", default=False)


class _OnPurpose(logging.Filter):
    """What the server says of an unfinished answer is a defect anywhere else, and here what was asked for."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_on_purpose.get()


_ON_PURPOSE = _OnPurpose()


class _DroppedResponse(Response):
    """Promises a body and stops after its first byte: the server closes the connection, and the sender's reply is lost."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        logging.getLogger("uvicorn.error").addFilter(_ON_PURPOSE)
        _is_on_purpose.set(True)
        logger.info("reply_lost_on_purpose")
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"512")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
