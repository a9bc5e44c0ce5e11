"""The live rooms of this process: does what the state machine asks, and keeps its time."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, assert_never

from telecontrol import log
from telecontrol.clock import Clock
from telecontrol.video.attendance import Fact
from telecontrol.video.call_effects import Drop, Effect, Moment, Note, Send, Start, WaitingChanged
from telecontrol.video.call_state import Call
from telecontrol.video.ice import IceServer
from telecontrol.video.models import Role
from telecontrol.video.provider import Presence

logger = log.get("telecontrol.video.call")


class Line(Protocol):
    """One page's socket, seen from here. Neither call waits: a slow page holds nobody up."""

    def send(self, message: Mapping[str, Any]) -> None: ...

    def close(self) -> None:
        """Close once what was sent before has gone out."""
        ...


@dataclass(slots=True)
class LiveRoom:
    call: Call
    lines: dict[int, Line] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None


class Switchboard:
    """Rooms by id. Everything here runs in the event loop's thread and never waits."""

    def __init__(
        self,
        *,
        clock: Clock,
        record: Callable[[Fact], None],
        ice_servers: Callable[[str], list[IceServer]],
        has_relay: bool,
        grace: float,
    ) -> None:
        self._clock = clock
        self._record = record
        self._ice_servers = ice_servers
        self._has_relay = has_relay
        self._grace = grace
        self._rooms: dict[uuid.UUID, LiveRoom] = {}
        self._watchers: dict[uuid.UUID, set[Line]] = {}
        self._sockets = itertools.count(1)

    def now(self) -> Moment:
        return Moment(self._clock.now(), time.monotonic())

    def find(self, room_id: uuid.UUID) -> Call | None:
        """The call going on in a room, if anybody is or was just there."""
        room = self._rooms.get(room_id)
        return None if room is None else room.call

    def live(self) -> list[uuid.UUID]:
        """The rooms where somebody is, or was just now."""
        return list(self._rooms)

    def open(self, room_id: uuid.UUID, *, is_admitted: bool) -> Call:
        """The call of a room, begun if it is not: then `is_admitted` says what the record knows."""
        room = self._rooms.get(room_id)
        if room is None:
            call = Call(is_admitted=is_admitted, has_relay=self._has_relay, grace=self._grace)
            room = self._rooms[room_id] = LiveRoom(call)
        return room.call

    def plug(self, room_id: uuid.UUID, line: Line) -> int:
        """Give a line its number in a room that is open."""
        socket = next(self._sockets)
        self._rooms[room_id].lines[socket] = line
        return socket

    def unplug(self, room_id: uuid.UUID, socket: int) -> None:
        """The line is gone."""
        room = self._rooms.get(room_id)
        if room is not None and room.lines.pop(socket, None) is not None:
            self.apply(room_id, room.call.lost(socket, now=self.now()))

    def apply(self, room_id: uuid.UUID, effects: list[Effect]) -> None:
        """Do what the state machine asked, in order."""
        room = self._rooms.get(room_id)
        if room is None:
            return
        now = self.now()
        for effect in [*effects, *room.call.tick(now)]:
            self._do(room_id, room, effect)
        self._set_timer(room_id, room)
        if room.call.is_empty and not room.lines:
            del self._rooms[room_id]

    def presence(self, room_id: uuid.UUID) -> Mapping[Role, Presence]:
        call = self.find(room_id) or Call()
        return {role: call.presence(role) for role in Role}

    def watch(self, room_ids: list[uuid.UUID], line: Line) -> Callable[[], None]:
        """Tell `line` whenever who waits in these rooms changes; the answer stops it."""
        for room_id in room_ids:
            self._watchers.setdefault(room_id, set()).add(line)

        def stop() -> None:
            for room_id in room_ids:
                watching = self._watchers.get(room_id, set())
                watching.discard(line)
                if not watching:
                    self._watchers.pop(room_id, None)

        return stop

    def tell_watchers(self, room_id: uuid.UUID, message: Mapping[str, Any]) -> None:
        for line in tuple(self._watchers.get(room_id, ())):
            line.send(message)

    def send_to(self, room_id: uuid.UUID, role: Role, message: Mapping[str, Any]) -> None:
        """Say something to a role's page, if it is there."""
        room = self._rooms.get(room_id)
        if room is not None and (socket := room.call.seats[role].socket) is not None:
            room.lines[socket].send(message)

    def close_all(self) -> None:
        """The process stops: the pages reconnect by themselves, so nothing is recorded as left."""
        for room in self._rooms.values():
            if room.timer is not None:
                room.timer.cancel()
            for line in room.lines.values():
                line.close()
        self._rooms.clear()

    def _do(self, room_id: uuid.UUID, room: LiveRoom, effect: Effect) -> None:
        match effect:
            case Send(socket, message):
                if (line := room.lines.get(socket)) is not None:
                    line.send(message)
            case Start():
                self._start(room_id, room, effect)
            case Drop(socket):
                if (line := room.lines.pop(socket, None)) is not None:
                    line.close()
            case Note(role, event, at, source, detail):
                logger.info("call.event", kind=str(event), room_id=str(room_id), role=str(role), **_loggable(detail))
                self._record(Fact(room_id, role, event, at, source, detail))
            case WaitingChanged():
                presence = room.call.presence(Role.INSURED)
                self.tell_watchers(room_id, waiting_message(room_id, presence))
            case _:
                assert_never(effect)

    def _start(self, room_id: uuid.UUID, room: LiveRoom, start: Start) -> None:
        line = room.lines.get(start.socket)
        if line is None:
            return
        line.send(
            {
                "type": "start",
                "epoch": start.epoch,
                "attempt": start.attempt,
                "is_offerer": start.is_offerer,
                "ice_policy": "relay" if start.is_relay_only else "all",
                # The relay logs this name: the room's random id says nothing of anybody.
                "ice_servers": self._ice_servers(f"{room_id}-{start.role}"),
                "peer_media": start.peer_media.model_dump(),
            }
        )
        logger.info("call.attempt", room_id=str(room_id), role=str(start.role), attempt=start.attempt)

    def _set_timer(self, room_id: uuid.UUID, room: LiveRoom) -> None:
        if room.timer is not None:
            room.timer.cancel()
            room.timer = None
        due = room.call.next_tick()
        if due is not None:
            delay = max(0.0, due - time.monotonic())
            room.timer = asyncio.get_running_loop().call_later(delay + 0.01, self.apply, room_id, [])


def waiting_message(room_id: uuid.UUID, presence: Presence) -> dict[str, Any]:
    """How a watching page hears of the insured in one room."""
    since = presence.since.isoformat() if presence.since else None
    return {"type": "waiting", "room_id": str(room_id), "state": str(presence.state), "since": since}


def _loggable(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in detail.items() if key in {"reason", "code"}}
