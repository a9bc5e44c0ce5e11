"""Pages that talk to the call's socket of a running server, without a browser."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from telecontrol.clock import VirtualClock
from telecontrol.config import VideoProvider
from telecontrol.db.session import Database
from telecontrol.video import rooms
from telecontrol.video.attendance import Attendance, attendance
from telecontrol.video.models import Role
from tests.support.call_server import Running

DOCTOR, INSURED = Role.DOCTOR, Role.INSURED


class Page:
    """One socket that has joined, and what it heard."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    async def say(self, kind: str, **values: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **values}))

    async def hears(self, kind: str, **values: Any) -> dict[str, Any]:
        """The next message of this kind with these values; others are kept in `heard`."""
        async with asyncio.timeout(15):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                self.heard.append(message)
                if message["type"] == kind and all(message.get(key) == value for key, value in values.items()):
                    return message

    async def is_closed(self) -> int:
        """Wait for the end; its code."""
        async with asyncio.timeout(15):
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    self.heard.append(json.loads(await self.socket.recv()))
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code


class Desk:
    """A running server with one room, and doors to it."""

    def __init__(self, server: Running, database: Database, clock: VirtualClock, stack: AsyncExitStack) -> None:
        self.server = server
        self.database = database
        self.clock = clock
        self.stack = stack
        self.subject_id = uuid.uuid4()
        self.room_id = uuid.UUID(int=0)

    async def open(self) -> None:
        now = self.clock.now()
        async with self.database.transaction() as session:
            room = await rooms.ensure_room(
                session,
                subject_id=self.subject_id,
                opens_at=now,
                closes_at=now + timedelta(hours=1),
                provider=VideoProvider.BUILTIN,
                now=now,
            )
        self.room_id = room.id

    async def ticket(self, role: Role) -> str:
        async with httpx2.AsyncClient(base_url=self.server.url) as client:
            answer = await client.post(f"/harness/{self.room_id}/{role}/ticket")
        token: str = answer.json()["token"]
        return token

    async def dial(self, path: str | None = None, *, origin: str | None = None) -> ClientConnection:
        address = self.server.socket_url + (path or f"/calls/{self.room_id}/socket")
        return await self.stack.enter_async_context(connect(address, origin=origin or self.server.url, proxy=None))  # type: ignore[arg-type]

    async def join(self, role: Role, page: str = "", *, ready: bool = True, **values: Any) -> Page:
        joined = Page(await self.dial())
        media = {"audio": True, "video": True, "wants_video": True}
        given = {"ticket": await self.ticket(role), "page": page or f"page-of-{role}", "ready": ready, "media": media}
        await joined.say("join", **{**given, **values})
        return joined

    async def both(self) -> tuple[Page, Page]:
        """Both in the call, told to start."""
        insured = await self.join(INSURED)
        await insured.hears("welcome", is_admitted=False)
        doctor = await self.join(DOCTOR)
        await doctor.hears("welcome")
        await doctor.say("admit")
        await doctor.hears("start", is_offerer=True)
        await insured.hears("start", is_offerer=False)
        return doctor, insured

    async def attendance(self) -> Attendance:
        async with self.database.reading() as session:
            return await attendance(session, subject_id=self.subject_id)
