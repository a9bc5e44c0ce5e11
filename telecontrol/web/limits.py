"""At the door of every request: bodies too large to be read, API requests without a key, and HEAD answered as GET is."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telecontrol.web import paths
from telecontrol.web.errors import problem
from telecontrol.web.security import SAFE_METHODS

LARGEST_BODY = 1024 * 1024
"""Bytes of a form, a request of the API or a callback. Files have a limit and an answer of their own (`uploads`)."""
_TOO_LARGE = f"at most {LARGEST_BODY} bytes are taken"
_API = "/api/v1/"
_OPEN = ("/api/v1/openapi.json",)


class HeadAsGet:
    """ASGI middleware: links in messages lead to staff pages too, and whatever checks links asks with HEAD. The server leaves
    the body out by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_head = scope["type"] == "http" and scope["method"] == "HEAD"
        await self._app({**scope, "method": "GET"} if is_head else scope, receive, send)


class RequestLimits:
    """ASGI middleware: 413 for a body that is too large, 401 before the body for an API request without a bearer key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, headers = scope["path"], Headers(scope=scope)
        if path.startswith(_API) and path not in _OPEN and not _brings_key(headers):
            refusal = problem(401, "unauthorised", "an API key is needed: Authorization: Bearer tck_…")
            await refusal(scope, receive, send)
            return
        if scope["method"] in SAFE_METHODS or path.startswith(paths.DESK_IMPORT):
            await self._app(scope, receive, send)
            return
        said = headers.get("content-length", "")
        if said.isdigit() and int(said) > LARGEST_BODY:
            await _too_large(scope, receive, send)
            return
        await self._app(scope, _measured(receive), send)


def _measured(receive: Receive) -> Receive:
    """Counts what really comes: a length may be wrong, or not be said."""
    count = 0

    async def measured() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        if count > LARGEST_BODY:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return measured


def _brings_key(headers: Headers) -> bool:
    return headers.get("authorization", "").lower().startswith("bearer ")


async def _too_large(scope: Scope, receive: Receive, send: Send) -> None:
    refusal = problem(413, "body_too_large", _TOO_LARGE)
    await refusal(scope, receive, send)
