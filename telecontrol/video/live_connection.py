"""One page's seat in a call that lives in the database: what it says, within limits, becomes what happens."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from telecontrol import log
from telecontrol.clock import Clock
from telecontrol.db.session import Database
from telecontrol.errors import TooManyAttempts, Unavailable, WrongState
from telecontrol.video import waiting
from telecontrol.video.attendance import Fact
from telecontrol.video.call_messages import (
    Admit,
    Away,
    Bye,
    Finish,
    Later,
    LetIn,
    Live,
    MediaChanged,
    Problem,
    Ready,
    Restart,
    Stuck,
    parse,
)
from telecontrol.video.call_state import Call
from telecontrol.video.connection import Admission, RateLimit, effects_of
from telecontrol.video.evidence import EvidenceWriter
from telecontrol.video.live_board import LiveBoard, nothing
from telecontrol.video.models import Role
from telecontrol.video.provider import Ticket
from telecontrol.video.switchboard import Line
from telecontrol.video.tickets import Bearer

_SIGN_OF_LIFE_SECONDS = 15.0
_FOR_THE_MACHINE = (Ready, MediaChanged, Live, Stuck, Restart, Away, Bye, Problem)
"""Anything else would only be passed on. It is not: what passes through here rests in the database for a while, and neither an
address nor a written word may."""

logger = log.get("telecontrol.video.call")


class LiveConnection:
    """Implements `Seated`."""

    def __init__(
        self,
        *,
        board: LiveBoard,
        database: Database,
        clock: Clock,
        bearer: Bearer,
        socket: int,
        line: Line,
        closes_at: datetime,
        evidence: EvidenceWriter,
        issue: Callable[[Bearer, datetime], Ticket],
        admit: Admission,
        prepare: Callable[[], Awaitable[None]],
        finished: Callable[[], Awaitable[None]],
        put_out: Callable[[str], Awaitable[None]],
    ) -> None:
        """`prepare` makes the room before somebody is let in (it raises `Unavailable`); `finished` takes it away after the end;
        `put_out` has LiveKit put a companion out."""
        self._board = board
        self._database = database
        self._clock = clock
        self._bearer = bearer
        self._socket = socket
        self._line = line
        self._closes_at = closes_at
        self._evidence = evidence
        self._issue = issue
        self._admit = admit
        self._prepare = prepare
        self._finished = finished
        self._put_out = put_out
        self._limit = RateLimit()
        self._seen_tick = time.monotonic()

    async def receive(self, text: str) -> None:
        if not self._limit.take(time.monotonic()):
            raise TooManyAttempts("too many messages", retry_after=5)
        message = parse(text)
        self._show_sign_of_life()
        if isinstance(message, Admit | Later | LetIn | Finish):
            await self._as_doctor(message)
        elif isinstance(message, _FOR_THE_MACHINE):
            await self._board.patiently(
                self._bearer.room_id, lambda call, now: effects_of(call, self._socket, message, now=now)
            )

    def lost(self) -> None:
        self._board.unplug(self._bearer.room_id, self._socket)

    def refresh_ticket(self, *, now_real: datetime) -> None:
        if self._clock.now() > self._closes_at:
            return
        ticket = self._issue(self._bearer, now_real)
        self._line.send({"type": "ticket", "token": ticket.token, "expires_at": ticket.expires_at.isoformat()})

    async def _as_doctor(self, message: Admit | Later | LetIn | Finish) -> None:
        """What only the doctor may do; written down before it takes effect."""
        if self._bearer.role is not Role.DOCTOR:
            self._refuse("not_yours")
            return
        try:
            call = await self._mine()
            if call is None:
                return
            if isinstance(message, Finish):
                await self._board.act(self._bearer.room_id, lambda call, now: call.finish(reason="finished", now=now))
                self._board.keep(self._finished())
            elif isinstance(message, LetIn):
                await self._board.act(
                    self._bearer.room_id, lambda call, _now: call.let_in(message.id, is_in=message.is_in)
                )
                if not message.is_in:
                    self._board.keep(self._put_out(message.id))
            else:
                await self._answer_who_waits(message)
        except WrongState as error:
            self._refuse(error.code)
        except Unavailable:
            self._refuse("unavailable")
        except (SQLAlchemyError, OSError):
            logger.exception("call.admission_failed", room_id=str(self._bearer.room_id))
            self._refuse("unavailable")

    async def _answer_who_waits(self, message: Admit | Later) -> None:
        room_id, now = self._bearer.room_id, self._clock.now()
        # A stay that has just ended must be so in the record, or the next comer would inherit the admission.
        await self._board.written()
        await self._evidence.flushed()
        if isinstance(message, Admit):
            await self._prepare()
            async with self._database.transaction() as session:
                await self._admit(session, room_id=room_id, by=self._bearer.identity, now=now)
            await self._board.act(room_id, nothing)
            return
        minutes = message.minutes
        async with self._database.transaction() as session:
            await waiting.ask_to_wait(session, room_id=room_id, minutes=minutes, now=now)
        await self._board.act(room_id, lambda call, _now: call.later(minutes))

    async def _mine(self) -> Call | None:
        """The call, if this socket still has its seat in it."""
        call = (await self._board.calls([self._bearer.room_id])).get(self._bearer.room_id)
        return call if call is not None and call.role_of(self._socket) is self._bearer.role else None

    def _refuse(self, reason: str) -> None:
        self._line.send({"type": "refused", "reason": reason})

    def _show_sign_of_life(self) -> None:
        """Every answer to a ping says that the page is there; a row or two are touched, now and then."""
        tick = time.monotonic()
        if tick - self._seen_tick >= _SIGN_OF_LIFE_SECONDS:
            self._seen_tick = tick
            self._evidence.add(Fact(self._bearer.room_id, self._bearer.role, None, self._clock.now()))
            self._board.later(self._bearer.room_id, nothing, alive=(self._socket,))
