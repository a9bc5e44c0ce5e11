"""One page's seat in the built-in call: what it says, within limits, becomes what happens."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.clock import Clock
from telecontrol.db.session import Database
from telecontrol.errors import TooManyAttempts, WrongState
from telecontrol.video import waiting
from telecontrol.video.attendance import Fact
from telecontrol.video.call_effects import Effect, Moment
from telecontrol.video.call_messages import (
    Admit,
    Away,
    Bye,
    Candidate,
    Chat,
    Description,
    Finish,
    Later,
    LetIn,
    Live,
    MediaChanged,
    Message,
    Pong,
    Problem,
    Ready,
    Restart,
    Stuck,
    parse,
)
from telecontrol.video.call_state import Call
from telecontrol.video.evidence import EvidenceWriter
from telecontrol.video.models import Role
from telecontrol.video.provider import Ticket
from telecontrol.video.switchboard import Line, Switchboard
from telecontrol.video.tickets import Bearer

BURST = 200
PER_SECOND = 20.0
"""An attempt is about forty messages in one second, then next to nothing."""
CHAT_BURST = 10
CHAT_PER_SECOND = 0.5
"""Written lines: faster than anybody types, slower than a program that floods."""
_SIGN_OF_LIFE_SECONDS = 15.0


logger = log.get("telecontrol.video.call")


class _Issue(Protocol):
    def __call__(self, room_id: uuid.UUID, role: Role, identity: str, *, now_real: datetime) -> Ticket: ...


class Admission(Protocol):
    """Writes down that the doctor lets the insured in. Raises `WrongState` when they may not come in."""

    async def __call__(self, session: AsyncSession, *, room_id: uuid.UUID, by: str, now: datetime) -> object: ...


class RateLimit:
    """A bucket of `burst` messages that fills by `per_second`. `tick` is in real seconds that only grow."""

    def __init__(self, *, burst: float = BURST, per_second: float = PER_SECOND) -> None:
        self._burst = burst
        self._per_second = per_second
        self._left = burst
        self._tick: float | None = None

    def take(self, tick: float) -> bool:
        """Whether one more message is allowed now."""
        if self._tick is not None:
            self._left = min(self._burst, self._left + (tick - self._tick) * self._per_second)
        self._tick = tick
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Connection:
    """A page that has joined. `receive` for each text of its socket, `lost` once at the end."""

    def __init__(
        self,
        *,
        board: Switchboard,
        database: Database,
        clock: Clock,
        bearer: Bearer,
        socket: int,
        line: Line,
        closes_at: datetime,
        evidence: EvidenceWriter,
        issue: _Issue,
        admit: Admission = waiting.admit,
    ) -> None:
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
        self._limit = RateLimit()
        self._chat_limit = RateLimit(burst=CHAT_BURST, per_second=CHAT_PER_SECOND)
        self._seen_tick = time.monotonic()

    async def receive(self, text: str) -> None:
        """Do what the page says. Raises `InvalidInput` (not a message), `TooManyAttempts`: close the socket then.

        What the page may not do now is answered, not raised.
        """
        if not self._limit.take(time.monotonic()):
            raise TooManyAttempts("too many messages", retry_after=5)
        message = parse(text)
        self._show_sign_of_life()
        call = self._board.find(self._bearer.room_id)
        if call is None or call.role_of(self._socket) is not self._bearer.role:
            return
        if isinstance(message, Admit | Later | Finish):
            await self._as_doctor(call, message)
        elif isinstance(message, Chat) and not self._chat_limit.take(time.monotonic()):
            self._refuse("chat_too_fast", text=message.text)
        else:
            self._apply(effects_of(call, self._socket, message, now=self._board.now()))

    def lost(self) -> None:
        """The socket is gone."""
        self._board.unplug(self._bearer.room_id, self._socket)

    def refresh_ticket(self, *, now_real: datetime) -> None:
        """Send the page a new ticket, so that it can come back later in a long call; none once the hour is over."""
        if self._clock.now() > self._closes_at:
            return
        ticket = self._issue(self._bearer.room_id, self._bearer.role, self._bearer.identity, now_real=now_real)
        self._line.send({"type": "ticket", "token": ticket.token, "expires_at": ticket.expires_at.isoformat()})

    async def _as_doctor(self, call: Call, message: Admit | Later | Finish) -> None:
        """What only the doctor may do; written down before it takes effect."""
        room_id = self._bearer.room_id
        if self._bearer.role is not Role.DOCTOR:
            self._refuse("not_yours")
            return
        if isinstance(message, Finish):
            self._apply(call.finish(reason="finished", now=self._board.now()))
            return
        now = self._clock.now()
        # A stay that has just ended must be so in the record, or the next comer would inherit the admission.
        await self._evidence.flushed()
        try:
            async with self._database.transaction() as session:
                if isinstance(message, Admit):
                    await self._admit(session, room_id=room_id, by=self._bearer.identity, now=now)
                else:
                    await waiting.ask_to_wait(session, room_id=room_id, minutes=message.minutes, now=now)
        except WrongState as error:
            self._refuse(error.code)
        except (SQLAlchemyError, OSError):
            logger.exception("call.admission_failed", room_id=str(room_id))
            self._refuse("unavailable")
        else:
            if (call_now := self._board.find(room_id)) is None:
                return
            if isinstance(message, Admit):
                self._apply(call_now.admit(self._board.now()))
            else:
                self._apply(call_now.later(message.minutes))

    def _refuse(self, reason: str, **given_back: str) -> None:
        self._line.send({"type": "refused", "reason": reason, **given_back})

    def _apply(self, effects: list[Effect]) -> None:
        self._board.apply(self._bearer.room_id, effects)

    def _show_sign_of_life(self) -> None:
        """Every answer to a ping says that the page is there; one row is touched, now and then."""
        tick = time.monotonic()
        if tick - self._seen_tick >= _SIGN_OF_LIFE_SECONDS:
            self._seen_tick = tick
            self._evidence.add(Fact(self._bearer.room_id, self._bearer.role, None, self._clock.now()))


def effects_of(call: Call, socket: int, message: Message, *, now: Moment) -> list[Effect]:
    """What follows from a page's word, whoever says it. What only the doctor may say is not among these words."""
    table: dict[type[Any], Callable[[Any], list[Effect]]] = {
        Ready: lambda m: call.ready(socket, m.media),
        MediaChanged: lambda m: call.media(socket, m.media),
        Live: lambda m: call.live(socket, m.epoch, now=now),
        Stuck: lambda m: call.stuck(socket, m.epoch, now=now),
        Restart: lambda _: call.restart(socket),
        Away: lambda m: call.away(socket, is_hidden=m.hidden, now=now),
        Bye: lambda m: call.bye(socket, for_good=m.for_good, now=now),
        Problem: lambda m: call.problem(socket, m.code, now=now),
        Chat: lambda m: call.chat(socket, m),
        Description: lambda m: call.relay(socket, m),
        Candidate: lambda m: call.relay(socket, m),
        # A call with two places has nobody to let in besides.
        LetIn: lambda _: [],
        Pong: lambda _: [],
    }
    return table[type(message)](message)
