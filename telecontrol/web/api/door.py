"""The API's door: the key of a request, its scope, and the answer already given under an `Idempotency-Key`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.api_keys import Scope, find_key, recall, remember, request_hash
from telecontrol.accounts.viewer import Viewer, api_viewer
from telecontrol.errors import Unauthorised
from telecontrol.web.dependencies import NowDep, RuntimeDep

_bearer = HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer tck_…`")


def key_with(scope: Scope) -> Callable[..., Awaitable[Viewer]]:
    """A dependency that lets in keys with this scope. Raises `Unauthorised`, or `Forbidden` (`scope_missing`)."""

    async def door(runtime: RuntimeDep, now: NowDep, given: Annotated[Any, Depends(_bearer)]) -> Viewer:
        if given is None:
            raise Unauthorised("an API key is needed: Authorization: Bearer tck_…")
        # In a transaction of its own: the key's last use is written now and then, whatever becomes of the request.
        async with runtime.database.transaction() as session:
            key = await find_key(session, given.credentials, now=now)
        if key is None:
            raise Unauthorised("this API key is not in use")
        viewer = api_viewer(key)
        viewer.require_scope(scope)
        return viewer

    return door


IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", description="The same key and body again get the same answer.")
]
OneAnswer = Callable[[AsyncSession], Awaitable[tuple[int, BaseModel]]]


async def once(
    request: Request, session: AsyncSession, viewer: Viewer, key: str | None, now: datetime, work: OneAnswer
) -> JSONResponse:
    """Do `work` unless it was done under this key; its answer is kept in the transaction of its work."""
    if key is not None:
        asked = request_hash(request.method, request.url.path, await request.body())
        known = await recall(session, api_key_id=viewer.user_id, idempotency_key=key, request=asked, now=now)
        if known is not None:
            return JSONResponse(known.body, status_code=known.status, headers={"Idempotent-Replayed": "true"})
    status, answer = await work(session)
    body = answer.model_dump(mode="json")
    if key is not None:
        await remember(session, api_key_id=viewer.user_id, idempotency_key=key, status=status, body=body)
    return JSONResponse(body, status_code=status)
