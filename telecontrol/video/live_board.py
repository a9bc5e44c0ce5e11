"""The sockets of this process, hung on calls that live in the database (`telecontrol.video.live_calls`).

What a page of this process does is done in the database at once; what others did is read there once a second. Nothing here is
remembered that another process would miss.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError

from telecontrol import log
from telecontrol.clock import Clock
from telecontrol.db.session import Database
from telecontrol.video import live_calls, reception, waiting
from telecontrol.video.call_effects import Effect, Moment, Start
from telecontrol.video.call_messages import Media
from telecontrol.video.call_state import Call
from telecontrol.video.models import LiveCall, Role, WaitingEntry
from telecontrol.video.provider import Presence, SeatState
from telecontrol.video.switchboard import Line, waiting_message

LOOK_SECONDS = 1.0
_PATIENCE = (0.1, 0.3, 1.0, 2.0, 5.0, 5.0, 10.0)
"""Seconds between the tries to write down what happened, while the database is away."""

logger = log.get("telecontrol.video.call")


class Onlooker(Protocol):
    """A page without a seat, that goes by how the call stands."""

    def see(self, call: Call) -> None: ...

    def end(self) -> None:
        """The room is closed for good."""
        ...


@dataclass(slots=True)
class Plug:
    """A page's line, what hands it its way in, and the newest order that it was given."""

    line: Line
    begin: Callable[[Start], Awaitable[None]]
    epoch: int = 0


@dataclass(slots=True)
class HeldRoom:
    """A room in which pages of this process are."""

    plugs: dict[int, Plug] = field(default_factory=dict)
    onlookers: set[Onlooker] = field(default_factory=set)
    told: int = 0
    """The revision up to which they know everything."""
    polling: Presence | None = None
    """The insured, known by their polling alone, as the doctor's page was told."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


def nothing(_call: Call, _now: Moment) -> list[Effect]:
    """Only what time brings, and what the record says."""
    return []


class LiveBoard:
    """One per process: `run()` while it serves, `aclose()` at the end."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        machine: live_calls.Machine,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._machine = machine
        self._look_seconds = look_seconds
        self._rooms: dict[uuid.UUID, HeldRoom] = {}
        self._watchers: dict[uuid.UUID, set[Line]] = {}
        self._seen_waiting: dict[uuid.UUID, Presence] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._is_closed = False

    def now(self) -> Moment:
        return Moment(self._clock.now(), time.time())

    # Doing.

    async def act(
        self, room_id: uuid.UUID, deed: live_calls.Deed, *, begins: bool = False, alive: tuple[int, ...] = ()
    ) -> Call | None:
        """What happened now, written down and told to the pages of this process. Raises when the database is away."""
        return await self._act(room_id, deed, now=self.now(), begins=begins, alive=alive)

    def later(self, room_id: uuid.UUID, deed: live_calls.Deed, *, alive: tuple[int, ...] = ()) -> None:
        """As `act`, without waiting for it, and tried again while the database is away."""
        self.keep(self._patiently(room_id, deed, now=self.now(), alive=alive))

    async def patiently(self, room_id: uuid.UUID, deed: live_calls.Deed) -> None:
        """As `act`, tried again while the database is away."""
        await self._patiently(room_id, deed, now=self.now(), alive=())

    def keep(self, work: Awaitable[None]) -> None:
        """Let something go on beside the sockets; `written` and `aclose` wait for it."""

        async def go_on() -> None:
            await work

        task = asyncio.create_task(go_on(), name="call-work")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def written(self, *, within: float = 5.0) -> None:
        """Wait until what happened so far is in the record."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within)

    # Pages.

    def plug(self, room_id: uuid.UUID, line: Line, *, begin: Callable[[Start], Awaitable[None]]) -> int:
        """Give a line a number that no other process gives. `begin` hands its page what it needs to see and hear the others."""
        socket = secrets.randbits(50) + 1
        self._rooms.setdefault(room_id, HeldRoom()).plugs[socket] = Plug(line, begin)
        return socket

    def unplug(self, room_id: uuid.UUID, socket: int) -> None:
        """The line is gone."""
        held = self._rooms.get(room_id)
        if held is None or held.plugs.pop(socket, None) is None:
            return
        self._let_go(room_id, held)
        if not self._is_closed:
            self.later(room_id, lambda call, now: call.lost(socket, now=now))

    def look_on(self, room_id: uuid.UUID, onlooker: Onlooker) -> Callable[[], None]:
        """Show an onlooker how the call stands, now and whenever it changes; the answer stops it."""
        held = self._rooms.setdefault(room_id, HeldRoom())
        held.onlookers.add(onlooker)

        def stop() -> None:
            held.onlookers.discard(onlooker)
            self._let_go(room_id, held)

        return stop

    def dismiss(self, room_id: uuid.UUID) -> None:
        """The room is closed for good: onlookers go too. Those with a seat were told by the call."""
        held = self._rooms.get(room_id)
        for onlooker in tuple(held.onlookers) if held else ():
            onlooker.end()

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
                    self._seen_waiting.pop(room_id, None)

        return stop

    # Reading.

    def held(self) -> list[uuid.UUID]:
        """The rooms in which pages of this process are."""
        return list(self._rooms)

    async def calls(self, room_ids: list[uuid.UUID]) -> dict[uuid.UUID, Call]:
        """How these rooms' calls stand, those that have one."""
        async with self._database.reading() as session:
            rows = await live_calls.read(session, room_ids)
        return {room_id: self._machine.wake(row.state) for room_id, row in rows.items()}

    async def waiting_in(self, room_ids: list[uuid.UUID]) -> dict[uuid.UUID, Presence]:
        """How the insured of these rooms looks: from the call where they are in it, else from the record."""
        async with self._database.reading() as session:
            rows = await live_calls.read(session, room_ids)
            stays = {stay.room_id: stay for stay in await waiting.stays_in(session, room_ids)}
        return {room_id: self._presence(rows.get(room_id), stays.get(room_id)) for room_id in room_ids}

    # In the background.

    async def run(self) -> None:
        self._looking = asyncio.create_task(self._look_for_ever(), name="call-looking")

    async def aclose(self) -> None:
        """The process stops: the pages go to another by themselves, so nothing is recorded as left."""
        self._is_closed = True
        if self._looking is not None:
            self._looking.cancel()
        for held in self._rooms.values():
            for plug in held.plugs.values():
                plug.line.close()
        await self.written()
        for task in self._tasks:
            task.cancel()
        self._rooms.clear()

    async def look(self) -> None:
        """Read what other processes did, hand it out, and do what is due. Raises when the database is away."""
        held, watched = list(self._rooms), list(self._watchers)
        if not held and not watched:
            return
        asked = list({*held, *watched})
        async with self._database.reading() as session:
            rows = await live_calls.read(session, asked)
            stays = {stay.room_id: stay for stay in await waiting.stays_in(session, asked)}
        for room_id in held:
            await self._see(room_id, rows.get(room_id), stays.get(room_id))
        for room_id in watched:
            self._tell_watchers(room_id, self._presence(rows.get(room_id), stays.get(room_id)))

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as error:
                # The pages keep what they have; the next look catches up.
                logger.warning("call.look_failed", reason=type(error).__name__)
            except Exception:
                logger.exception("call.look_failed")

    async def _see(self, room_id: uuid.UUID, row: LiveCall | None, stay: WaitingEntry | None) -> None:
        held = self._rooms.get(room_id)
        if held is None:
            return
        if row is not None:
            async with held.lock:
                self._hand_out(room_id, held, row)
            call = self._machine.wake(row.state)
            is_admitted = stay is not None and stay.admitted_at is not None
            is_behind = is_admitted and not call.is_admitted and not call.is_empty
            if is_behind or (row.due_tick is not None and row.due_tick <= time.time()):
                await self._act(room_id, nothing, now=self.now())
        self._tell_of_polling(held, row, stay)

    async def _act(
        self,
        room_id: uuid.UUID,
        deed: live_calls.Deed,
        *,
        now: Moment,
        begins: bool = False,
        alive: tuple[int, ...] = (),
    ) -> Call | None:
        async with self._database.transaction() as session:
            call = await live_calls.act(
                session, room_id, deed, machine=self._machine, now=now, begins=begins, alive=alive
            )
        await self._deliver(room_id)
        return call

    async def _patiently(
        self, room_id: uuid.UUID, deed: live_calls.Deed, *, now: Moment, alive: tuple[int, ...]
    ) -> None:
        for delay in (*_PATIENCE, None):
            try:
                await self._act(room_id, deed, now=now, alive=alive)
                return
            except (SQLAlchemyError, OSError) as error:
                if delay is None:
                    raise
                logger.warning("call.evidence_delayed", room_id=str(room_id), reason=type(error).__name__)
                await asyncio.sleep(delay)

    async def _deliver(self, room_id: uuid.UUID) -> None:
        """Hand out what was just done, without waiting for the next look."""
        held = self._rooms.get(room_id)
        if held is None and room_id not in self._watchers:
            return
        try:
            async with self._database.reading() as session:
                row = (await live_calls.read(session, [room_id])).get(room_id)
        except (SQLAlchemyError, OSError):
            return
        if held is not None and row is not None:
            async with held.lock:
                self._hand_out(room_id, held, row)
        if row is not None and not self._machine.wake(row.state).seats[Role.INSURED].is_free:
            self._tell_watchers(room_id, self._presence(row, None))

    def _hand_out(self, room_id: uuid.UUID, held: HeldRoom, row: LiveCall) -> None:
        for post in live_calls.posts_after(row, held.told):
            socket: int = post["socket"]
            plug = held.plugs.get(socket)
            if plug is None:
                continue
            if "send" in post:
                plug.line.send(post["send"])
            elif "start" in post:
                self._begin(held, plug, live_calls.as_start(socket, post["start"]))
            else:
                del held.plugs[socket]
                plug.line.close()
        held.told = max(held.told, row.revision)
        if held.onlookers:
            call = self._machine.wake(row.state)
            for onlooker in tuple(held.onlookers):
                onlooker.see(call)
        self._let_go(room_id, held)

    def _begin(self, held: HeldRoom, plug: Plug, order: Start) -> None:
        """Hand a page its way in, unless a newer order came meanwhile."""
        plug.epoch = order.epoch

        async def begin() -> None:
            if plug.epoch == order.epoch and order.socket in held.plugs:
                await plug.begin(order)

        self.keep(begin())

    def _tell_of_polling(self, held: HeldRoom, row: LiveCall | None, stay: WaitingEntry | None) -> None:
        """The doctor hears of somebody who is known by their polling alone."""
        if row is None:
            return
        call = self._machine.wake(row.state)
        doctor = call.seats[Role.DOCTOR].socket
        plug = None if doctor is None else held.plugs.get(doctor)
        if plug is None:
            return
        if not call.seats[Role.INSURED].is_free:
            held.polling = None
            return
        is_there = stay is not None and reception.is_there(stay, self._clock.now())
        presence = reception.presence_of(stay if is_there else None)
        if presence != (held.polling or Presence(SeatState.ABSENT, None)):
            since = presence.since.isoformat() if presence.since else None
            seen = {"state": str(presence.state), "since": since, "media": Media().model_dump(), "is_ready": True}
            plug.line.send({"type": "peer", "has_left": False, **seen})
            held.polling = presence

    def _presence(self, row: LiveCall | None, stay: WaitingEntry | None) -> Presence:
        if row is not None:
            call = self._machine.wake(row.state)
            if not call.seats[Role.INSURED].is_free:
                return call.presence(Role.INSURED)
        is_there = stay is not None and reception.is_there(stay, self._clock.now())
        return reception.presence_of(stay if is_there else None)

    def _tell_watchers(self, room_id: uuid.UUID, presence: Presence) -> None:
        if self._seen_waiting.get(room_id) == presence:
            return
        self._seen_waiting[room_id] = presence
        message: Mapping[str, Any] = waiting_message(room_id, presence)
        for line in tuple(self._watchers.get(room_id, ())):
            line.send(message)

    def _let_go(self, room_id: uuid.UUID, held: HeldRoom) -> None:
        if not held.plugs and not held.onlookers and self._rooms.get(room_id) is held:
            del self._rooms[room_id]

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("call.work_failed", reason=type(error).__name__)
