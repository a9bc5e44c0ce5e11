"""A companion's or an interpreter's page: seen and heard in a LiveKit call, without a seat and without a say.

Nothing about them is evidence. The doctor sees their name and lets them in or not; they are in the call while the insured is, and
out with them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from telecontrol.clock import Clock
from telecontrol.errors import TooManyAttempts
from telecontrol.video.call_effects import Effect, Moment, Start
from telecontrol.video.call_messages import Bye, Join, Media, Ready, Restart, Stuck, parse
from telecontrol.video.call_state import LAST_ATTEMPT, RELAY_ONLY_FROM, Call
from telecontrol.video.company import MOST_LISTED, CompanionState
from telecontrol.video.connection import RateLimit
from telecontrol.video.live_board import LiveBoard
from telecontrol.video.models import Role
from telecontrol.video.provider import Ticket
from telecontrol.video.switchboard import Line
from telecontrol.video.tickets import Bearer


class CompanionSeat:
    """Implements `Seated` and `Onlooker`. `look` once it may be shown the call."""

    def __init__(
        self,
        *,
        board: LiveBoard,
        clock: Clock,
        bearer: Bearer,
        join: Join,
        line: Line,
        closes_at: datetime,
        has_relay: bool,
        issue: Callable[[Bearer, datetime], Ticket],
        begin: Callable[[Start], Awaitable[None]],
    ) -> None:
        self._board = board
        self._clock = clock
        self._bearer = bearer
        self._line = line
        self._closes_at = closes_at
        self._has_relay = has_relay
        self._issue = issue
        self._begin = begin
        self._limit = RateLimit()
        self._socket = secrets.randbits(50) + 1
        self._is_over = False
        # Whoever comes back after a cut goes on with what their page has.
        self._epoch, self._attempt = join.epoch, 0
        self._is_ready, self._is_live = join.ready, join.live and join.epoch > 0
        self._is_admitted = self._is_welcomed = False
        self._seen: dict[str, Any] | None = None
        self._stop: Callable[[], None] = lambda: None

    async def look(self) -> None:
        """Begin to follow the call, and be listed to the doctor."""
        call = await self._board.act(self._bearer.room_id, self._accompany, begins=True)
        self._stop = self._board.look_on(self._bearer.room_id, self)
        self.see(call or Call())

    def see(self, call: Call) -> None:
        """The call stands like this now."""
        if self._is_over:
            return
        mine = call.company.get(self._bearer.identity)
        doctor = call.presence(Role.DOCTOR)
        seen = {
            "state": str(doctor.state),
            "since": doctor.since.isoformat() if doctor.since else None,
            "media": call.seats[Role.DOCTOR].media.model_dump(),
        }
        was_admitted, self._is_admitted = self._is_admitted, call.has_let_in(self._bearer.identity)
        if not self._is_welcomed:
            self._is_welcomed = True
            self._line.send(
                {"type": "welcome", "role": str(Role.INSURED), "is_admitted": self._is_admitted, "peer": seen}
            )
        elif seen != self._seen:
            self._line.send({"type": "peer", "has_left": False, **seen})
        self._seen = seen
        if mine is None and len(call.company) < MOST_LISTED:
            # The call was forgotten while nobody else was there, and begun anew.
            self._board.later(self._bearer.room_id, self._accompany)
        if mine is not None and mine.state is CompanionState.OUT:
            self._leave("put_out")
        elif was_admitted and not self._is_admitted:
            self._leave("finished")
        elif self._is_admitted and not was_admitted:
            self._line.send({"type": "admitted"})
            if not self._is_live:
                self._try()

    def end(self) -> None:
        self._leave("closed")

    async def receive(self, text: str) -> None:
        if not self._limit.take(time.monotonic()):
            raise TooManyAttempts("too many messages", retry_after=5)
        match parse(text):
            case Ready():
                self._is_ready = True
                self._try()
            case Stuck(epoch=epoch) if epoch == self._epoch:
                self._again()
            case Restart():
                self._attempt = 0
                self._try()
            case Bye():
                self._line.close()
            case _:
                # Whatever else they say is nobody's business: they hold no seat.
                return

    def lost(self) -> None:
        self._stop()
        who, socket = self._bearer.identity, self._socket
        self._board.later(self._bearer.room_id, lambda call, _now: call.part(who, socket=socket))

    def refresh_ticket(self, *, now_real: datetime) -> None:
        if self._clock.now() <= self._closes_at:
            ticket = self._issue(self._bearer, now_real)
            self._line.send({"type": "ticket", "token": ticket.token, "expires_at": ticket.expires_at.isoformat()})

    def _accompany(self, call: Call, _now: Moment) -> list[Effect]:
        return call.accompany(self._bearer.identity, name=self._bearer.label, socket=self._socket)

    def _leave(self, reason: str) -> None:
        self._is_over = True
        self._stop()
        self._line.send({"type": "ended", "reason": reason})
        self._line.close()

    def _again(self) -> None:
        self._attempt += 1
        if self._attempt > LAST_ATTEMPT:
            self._line.send({"type": "failed", "reason": "no_media"})
        else:
            self._try()

    def _try(self) -> None:
        if not self._is_ready or not self._is_admitted:
            return
        self._epoch += 1
        media = Media() if self._seen is None else Media.model_validate(self._seen["media"])
        order = Start(
            socket=0,
            role=self._bearer.role,
            epoch=self._epoch,
            attempt=self._attempt,
            is_offerer=False,
            is_relay_only=self._has_relay and self._attempt >= RELAY_ONLY_FROM,
            peer_media=media,
        )

        async def begin() -> None:
            await self._begin(order)

        self._board.keep(begin())
