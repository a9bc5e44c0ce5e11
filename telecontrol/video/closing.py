"""Rooms that the record has closed: whoever decides (a desk, the API, the worker of another process) only writes it there, and
the process that holds the sockets finds it and tells the pages. Who polls reads it with the next question.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.db.session import Database
from telecontrol.video.models import CallRoom, PresenceSpan, Role

_LOOKS_EVERY = 2.0
"""Seconds between two looks while somebody is in a room; nothing is asked while nobody is."""
_IS_RUNNING_FOR = timedelta(minutes=5)
"""A call that runs over its hour is not cut; one without a sign of life for this long runs no more (choice)."""
_BATCH = 500

logger = log.get("telecontrol.video.closing")


async def close_rooms_over(database: Database, *, now: datetime) -> int:
    """Close the rooms whose hour is over and in which no call is going on; how many. The sweep of the worker."""
    over = (CallRoom.closed_at.is_(None), CallRoom.closes_at <= now)
    async with database.reading() as session:
        if await session.scalar(select(CallRoom.id).where(*over).limit(1)) is None:
            return 0
    async with database.transaction() as session:
        found = await session.scalars(
            select(CallRoom).where(*over).order_by(CallRoom.closes_at).limit(_BATCH).with_for_update()
        )
        rooms = list(found)
        running = await _running(session, [room.id for room in rooms], now=now)
        closing = [room for room in rooms if room.id not in running]
        for room in closing:
            room.closed_at = now
    return len(closing)


async def _running(session: AsyncSession, room_ids: Collection[uuid.UUID], *, now: datetime) -> set[uuid.UUID]:
    """Rooms where doctor and insured are both seated in the call, each with a sign of life not long ago."""
    rows = await session.execute(
        select(PresenceSpan.room_id, PresenceSpan.role).where(
            PresenceSpan.room_id.in_(room_ids),
            PresenceSpan.ended_at.is_(None),
            PresenceSpan.last_seen_at >= now - _IS_RUNNING_FOR,
        )
    )
    seated: dict[uuid.UUID, set[Role]] = {}
    for room_id, role in rows:
        seated.setdefault(room_id, set()).add(role)
    return {room_id for room_id, roles in seated.items() if roles == set(Role)}


class ClosedRooms:
    """Looks every few seconds, while `live` names rooms, whether the record closed one of them, and calls `tell` for it.

    One per process that holds sockets. `wake` when somebody comes in; it sleeps by itself when nobody is left.
    """

    def __init__(
        self,
        database: Database,
        *,
        live: Callable[[], Collection[uuid.UUID]],
        tell: Callable[[uuid.UUID], Awaitable[None]],
        every: float = _LOOKS_EVERY,
    ) -> None:
        self._database = database
        self._live = live
        self._tell = tell
        self._every = every
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Somebody is in a room; returns at once."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="call-closed-rooms")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _look(self) -> None:
        while self._live():
            await asyncio.sleep(self._every)
            try:
                for room_id in await self._closed():
                    await self._tell(room_id)
            except Exception as error:  # noqa: BLE001  (told in the next line)
                # Whatever ails the database, the next look is soon.
                logger.warning("call.closing_delayed", reason=type(error).__name__)

    async def _closed(self) -> list[uuid.UUID]:
        live = list(self._live())
        if not live:
            return []
        async with self._database.reading() as session:
            found = await session.scalars(
                select(CallRoom.id).where(CallRoom.id.in_(live), CallRoom.closed_at.is_not(None))
            )
            return list(found)
