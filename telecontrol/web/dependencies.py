"""What routes are handed: the runtime, the one session of the request, the time, who looks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.worker import Runtime


def get_runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


RuntimeDep = Annotated[Runtime, Depends(get_runtime)]


def get_now(runtime: RuntimeDep) -> datetime:
    return runtime.clock.now()


NowDep = Annotated[datetime, Depends(get_now)]
"""The service's time, aware, in UTC: one instant for the whole request."""


async def get_session(runtime: RuntimeDep) -> AsyncIterator[AsyncSession]:
    async with runtime.database.transaction() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]
"""The request's only session. `scope="function"` commits before the answer goes out: acknowledged is durable (P12)."""


async def get_reading(runtime: RuntimeDep) -> AsyncIterator[AsyncSession]:
    async with runtime.database.reading() as session:
        yield session


ReadingDep = Annotated[AsyncSession, Depends(get_reading, scope="function")]
"""A session for routes that only read: it takes no write lock on SQLite, and what it changed by mistake is rolled back."""
