"""What LiveKit's server says of its rooms, held against what we know: every 30 s, and when a callback gives a reason.

Callbacks are lost, doubled and late; a list of who is there now is none of that. It is a hint all the same, and never says that
somebody was absent: it shows signs of life of people whose socket is cut, puts out whoever may not be there, and takes away
rooms whose end LiveKit has missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from telecontrol import log
from telecontrol.db.session import Database
from telecontrol.errors import Unavailable
from telecontrol.video import live_calls, livekit_hooks
from telecontrol.video.attendance import Fact
from telecontrol.video.call_state import Call
from telecontrol.video.evidence import EvidenceWriter
from telecontrol.video.live_board import LiveBoard, nothing
from telecontrol.video.livekit_server import LivekitServer, Participant
from telecontrol.video.models import CallRoom, EventSource, Role
from telecontrol.video.tickets import COMPANION

EVERY_SECONDS = 30.0

logger = log.get("telecontrol.video.livekit")


class LivekitLook:
    """One per process: `run()` while it serves, `aclose()` at the end."""

    def __init__(
        self,
        *,
        board: LiveBoard,
        server: LivekitServer,
        database: Database,
        evidence: EvidenceWriter,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._board = board
        self._server = server
        self._database = database
        self._evidence = evidence
        self._every = every_seconds
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self._task = asyncio.create_task(self._for_ever(), name="livekit-look")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def look(self) -> None:
        """Do what is overdue, then look at every room. Raises `Unavailable` when LiveKit is away, or what the database raises."""
        now = self._board.now()
        async with self._database.reading() as session:
            overdue = await live_calls.due(session, tick=now.tick)
        for room_id in overdue:
            # A process died, or nobody of this room is here any more: seats are freed all the same.
            await self._board.act(room_id, nothing)
        async with self._database.transaction() as session:
            await live_calls.forget_ended(session, now=now)
            await livekit_hooks.forget_old(session, now=now.at)
        for room_id in await self._server.rooms():
            # What fails in one room is tried again at the next look; the others are looked at now.
            with contextlib.suppress(Unavailable):
                await self.look_at(room_id)

    async def look_at(self, room_id: uuid.UUID) -> None:
        """Who is in one room, held against the call. Rooms that are not ours are left alone."""
        async with self._database.reading() as session:
            room = await session.scalar(select(CallRoom).where(CallRoom.id == room_id))
        if room is None:
            return
        if room.closed_at is not None:
            await self._server.delete(room_id)
            return
        call = (await self._board.calls([room_id])).get(room_id) or Call()
        for participant in await self._server.participants(room_id):
            await self._see(room_id, call, participant)

    async def _see(self, room_id: uuid.UUID, call: Call, participant: Participant) -> None:
        word, _, identity = participant.identity.partition(":")
        role = Role(word) if word in set(Role) else None
        is_let_in = word == COMPANION and call.has_let_in(identity)
        is_known = is_let_in or (role is not None and not call.seats[role].is_free)
        if not is_known or not call.is_admitted:
            logger.info("livekit.put_out", room_id=str(room_id), role=word if role or word == COMPANION else "")
            await self._server.remove(room_id, participant.identity)
        elif role is not None and participant.is_active:
            self._evidence.add(Fact(room_id, role, None, self._board.now().at, EventSource.WEBHOOK))

    async def _for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.look()
            except Unavailable:
                # Said in the log where it happened; the next look makes up for it.
                continue
            except (SQLAlchemyError, OSError) as error:
                logger.warning("livekit.look_failed", reason=type(error).__name__)
            except Exception:
                logger.exception("livekit.look_failed")
