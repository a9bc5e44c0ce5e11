"""Sending what is due: one lane per target, many deliveries on the wire, few transactions.

A lane claims a batch, has it rendered in a thread, and then takes turns. One turn is one transaction: it records what came
back and opens the attempts of what leaves next. Each delivery is a task of its own, so a slow recipient holds up one place
on the wire and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.clock import Clock
from telecontrol.db.sealing import Sealer
from telecontrol.db.session import Database
from telecontrol.outbox import turns
from telecontrol.outbox.claims import Claim, claim_due
from telecontrol.outbox.flights import fly
from telecontrol.outbox.outcomes import Finished
from telecontrol.outbox.parcels import Parcel, Spoiled, pack_all
from telecontrol.outbox.policy import SendingPolicy
from telecontrol.outbox.targets import NOT_OURS, Rejected, Target
from telecontrol.outbox.turns import Turn

_log = log.get("outbox")
_DATABASE_DOWN = (SQLAlchemyError, OSError)
_GATHER_SECONDS = 0.01
"""How long a turn waits for a few more deliveries to come back, so that they share its transaction."""
_LAST_SECONDS = 3.0
"""What is left, when the service stops, for cancelled deliveries to end and for the last transaction."""

Packed = tuple[list[Parcel], list[Spoiled]]


@dataclass
class Pass:
    """What the lanes of one pass share."""

    database: Database
    sealer: Sealer
    clock: Clock
    policy: SendingPolicy
    stopping: asyncio.Event
    tally: Counter[str] = field(default_factory=Counter)
    busy: set[str] = field(default_factory=set)
    all_idle: asyncio.Event = field(default_factory=asyncio.Event)
    turnstile: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """On SQLite, which has one writer, lanes queue here rather than poll for its lock."""
        if self.database.is_sqlite:
            async with self.turnstile, self.database.transaction() as session:
                yield session
        else:
            async with self.database.transaction() as session:
                yield session

    def mark(self, lane: str, *, busy: bool) -> None:
        (self.busy.add if busy else self.busy.discard)(lane)
        (self.all_idle.clear if self.busy else self.all_idle.set)()


class Lane:
    """One target's queue within a pass."""

    def __init__(self, run: Pass, target: Target) -> None:
        self.run, self.target, self.policy = run, target, run.policy
        self.room = run.policy.concurrency_of(target.name)
        self.ready: deque[Parcel] = deque()
        self.unwanted: list[Parcel] = []
        self.spoiled: list[Spoiled] = []
        self.finished: list[Finished] = []
        self.flying: dict[asyncio.Task[Finished], Parcel] = {}
        self.packing: asyncio.Task[Packed] | None = None
        self.should_look = True
        self.looked_at = 0.0
        self.down_since: float | None = None
        run.mark(target.name, busy=True)

    async def work(self) -> None:
        """Until no lane has anything due or on the wire, or the service stops. Raises what the database raised when it
        stayed away for longer than the policy's patience."""
        try:
            while not self.run.stopping.is_set():
                await self._take_turn()
                self._claim_more()
                if not self._is_idle:
                    await self._wait()
                elif not self.should_look and not await self._rest():
                    return
            await self._wind_down()
        finally:
            self.run.mark(self.target.name, busy=False)
            for task in (*self.flying, *([self.packing] if self.packing else [])):
                task.cancel()

    @property
    def _is_idle(self) -> bool:
        waiting = self.ready or self.unwanted or self.spoiled or self.finished
        return not (waiting or self.flying or self.packing)

    async def _rest(self) -> bool:
        """Nothing to do here. Whether to look again, because another lane is still busy."""
        self.run.mark(self.target.name, busy=False)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.policy.poll.total_seconds()):
                await self.run.all_idle.wait()
        self.should_look = True
        return not self.run.all_idle.is_set()

    def _claim_more(self) -> None:
        """Unless outcomes could not be recorded just now: then the database is away."""
        stale = asyncio.get_running_loop().time() - self.looked_at >= self.policy.poll.total_seconds()
        has_room = len(self.ready) <= self.policy.batch // 2 and not self.finished
        if has_room and (self.should_look or stale) and self.packing is None:
            self.packing = asyncio.create_task(self._claim_and_pack())

    async def _claim_and_pack(self) -> Packed:
        self.looked_at = asyncio.get_running_loop().time()
        try:
            claims = await self._claim()
        except _DATABASE_DOWN as error:
            self.should_look = True
            await self._hold_on(error)
            return [], []
        self.down_since = None
        self.should_look = bool(claims)
        if not claims:
            return [], []
        self.run.mark(self.target.name, busy=True)
        self.run.tally["claimed"] += len(claims)
        return await asyncio.to_thread(pack_all, claims, target=self.target, sealer=self.run.sealer, policy=self.policy)

    async def _claim(self) -> list[Claim]:
        now, policy = self.run.clock.now(), self.policy
        async with self.run.transaction() as session:
            return await claim_due(
                session, now=now, limit=policy.batch, lease=policy.claim_lease, targets=[self.target.name]
            )

    async def _take_turn(self, *, opening: bool = True) -> None:
        """One transaction. While the database is away what came back is held, and nothing new leaves."""
        places = self.room - len(self.flying) if opening else 0
        leaving = [self.ready.popleft() for _ in range(min(places, len(self.ready)))]
        turn = Turn(self.finished, self.spoiled, leaving, self.unwanted)
        if turn.is_empty:
            return
        looked_at = asyncio.get_running_loop().time()
        try:
            async with self.run.transaction() as session:
                taken = await turns.take(
                    session, turn, target=self.target, now=self.run.clock.now(), policy=self.policy
                )
        except _DATABASE_DOWN as error:
            self.ready.extendleft(reversed(leaving))
            await self._hold_on(error)
            return
        self._count(turn)
        self.should_look = self.should_look or bool(turn.finished)
        self.finished, self.spoiled, self.unwanted, self.down_since = [], [], [], None
        for parcel in taken.opened:
            flight = fly(
                parcel,
                target=self.target,
                looked_at=looked_at,
                database=self.run.database,
                clock=self.run.clock,
                policy=self.policy,
            )
            self.flying[asyncio.create_task(flight)] = parcel
        if taken.is_paused:
            self.unwanted = list(self.ready)
            self.ready.clear()

    async def _hold_on(self, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        self.down_since = now if self.down_since is None else self.down_since
        away = now - self.down_since
        _log.warning("database away", target=self.target.name, seconds=round(away), code=type(error).__name__)
        if away > self.policy.record_patience.total_seconds():
            raise error
        await asyncio.sleep(min(0.5 if self.run.stopping.is_set() else 5.0, max(0.1, away / 4)))

    async def _wait(self) -> None:
        """Until a delivery comes back or a batch is packed, then a moment more for others to share the turn."""
        waiting = {*self.flying, *([self.packing] if self.packing else [])}
        if waiting:
            seconds = self.policy.poll.total_seconds()
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if len(self.flying) > 1:
                await asyncio.wait(self.flying, timeout=_GATHER_SECONDS)
        self._collect()

    def _collect(self) -> None:
        for task in [task for task in self.flying if task.done()]:
            parcel = self.flying.pop(task)
            self.finished.append(self._held_back(parcel) if task.cancelled() else task.result())
        if self.packing is not None and self.packing.done():
            parcels, spoiled = self.packing.result()
            self.packing = None
            self.ready.extend(parcels)
            self.spoiled.extend(spoiled)

    def _held_back(self, parcel: Parcel) -> Finished:
        refusal = Rejected(permanent=False, code=NOT_OURS)
        now = self.run.clock.now()
        return Finished(parcel.claim.intent_id, parcel.attempt_id, refusal, at=now, started_at=now, started=False)

    def _count(self, turn: Turn) -> None:
        self.run.tally["spoiled"] += len(turn.spoiled)
        for one in turn.finished:
            self.run.tally["held_back" if one.is_unsent else type(one.outcome).__name__.lower()] += 1

    async def _wind_down(self) -> None:
        """The service stops: nothing new leaves, what is on the wire may finish, what does not is marked as ambiguous."""
        loop = asyncio.get_running_loop()
        stop_at = loop.time() + self.policy.stop_grace.total_seconds() - _LAST_SECONDS
        while (self.flying or self.packing) and loop.time() < stop_at:
            await asyncio.wait(
                {*self.flying, *([self.packing] if self.packing else [])},
                timeout=max(0.0, stop_at - loop.time()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            self._collect()
            await self._take_turn(opening=False)
        if self.flying:
            for task in self.flying:
                task.cancel()
            await asyncio.wait(self.flying, timeout=_LAST_SECONDS / 2)
            self._collect()
        # A turn whose COMMIT was lost may have opened the attempts of parcels that never left.
        self.finished += [self._held_back(parcel) for parcel in self.ready]
        self.unwanted += self.ready
        self.ready.clear()
        await self._take_turn(opening=False)
