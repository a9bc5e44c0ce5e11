"""The guard of the hour (PROMISES P16): before each sweep the machine's clock is held against one that nobody sets, and on
PostgreSQL against the database's own. When they disagree by more than a minute nothing timed is decided or sent.

It ends by itself when the clocks agree again, or when an administrator confirms the hour (`docs/operations.md`, *the hour*).
"""

from __future__ import annotations

import hashlib
import json
import socket
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.clock import Clock, VirtualClock, WatchedClock, as_utc
from telecontrol.db.session import Database
from telecontrol.outbox import holds
from telecontrol.outbox.models import PausedTarget

logger = log.get("outbox.clock_guard")

TOLERANCE = timedelta(minutes=1)
WAS_SET = "clock_was_set"
DIFFERS = "clock_differs_from_database"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ClockGuard:
    """One in each process that works. `folder` keeps what was trusted, so that a restart does not make a false hour right."""

    def __init__(self, clock: Clock, *, folder: Path, machine: str | None = None) -> None:
        self._clock = clock
        self._file = folder / "clock.json"
        name = socket.gethostname() if machine is None else machine
        self.name = f"{holds.CLOCK}:{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        self._has_held = False
        self._database_gap_accepted = timedelta(0)
        self._is_known = self._recall()

    async def reason(self, database: Database) -> str | None:
        """Why nothing timed may go on now, as a code; None when it may. Holds and resumes by itself."""
        async with database.reading() as session:
            gap = await self._database_gap(session)
            standing = await holds.standing(session)
        own = next((row for row in standing if row.target == self.name), None)
        if own is not None and own.code == DIFFERS and gap is not None and abs(gap) <= TOLERANCE:
            # The machine's hour was mended: setting it right is no new jump.
            self._trust()
        fault = self._fault(gap)
        others = [row for row in standing if row.target != self.name]
        if fault is not None and own is None and not self._has_held:
            await self._hold(database, fault, gap)
            return fault
        if fault is not None and own is None:
            self._accept(gap)
        elif fault is not None and own is not None:
            self._has_held = True
            return own.code
        elif own is not None and not self._may_resume(own, gap):
            return own.code
        elif own is not None:
            await self._resume(database)
        elif isinstance(self._clock, WatchedClock) and self._clock.settle():
            self._remember()
        return others[0].code if others else None

    def _fault(self, database_gap: timedelta | None) -> str | None:
        if isinstance(self._clock, WatchedClock) and self._clock.was_set:
            return WAS_SET
        if database_gap is not None and abs(database_gap - self._database_gap_accepted) > TOLERANCE:
            return DIFFERS
        return None

    def _may_resume(self, own: PausedTarget, database_gap: timedelta | None) -> bool:
        """A process that began after the hour was set knows nothing of the hour before: only another clock can say."""
        return self._has_held or self._is_known or (database_gap is not None and own.code == DIFFERS)

    async def _database_gap(self, session: AsyncSession) -> timedelta | None:
        """How far this machine is ahead of PostgreSQL's; None on SQLite, which has no clock of its own."""
        if session.get_bind().dialect.name != "postgresql":
            return None
        before = _machine_hour(self._clock)
        theirs: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        after = _machine_hour(self._clock)
        # A slow answer is no disagreement: the hour it was read at lies between the two.
        if before - TOLERANCE <= as_utc(theirs) <= after + TOLERANCE:
            return timedelta(0)
        return after - as_utc(theirs)

    async def _hold(self, database: Database, fault: str, gap: timedelta | None) -> None:
        apart = self._clock.gap if fault == WAS_SET and isinstance(self._clock, WatchedClock) else gap
        async with database.transaction() as session:
            await holds.hold(
                session,
                self.name,
                code=fault,
                now=self._clock.now(),
                seconds=int((apart or timedelta(0)).total_seconds()),
            )
        self._has_held = True
        logger.error("clock_in_doubt", code=fault)

    async def _resume(self, database: Database) -> None:
        async with database.transaction() as session:
            await holds.lift(session, self.name, outcome="agree_again", now=self._clock.now())
        self._has_held = False
        self._remember()
        logger.info("clock_agrees_again")

    def _accept(self, gap: timedelta | None) -> None:
        """The row is gone and the clocks still differ: an administrator looked, and the machine's hour is right."""
        self._trust()
        self._database_gap_accepted = gap or timedelta(0)
        self._has_held = False
        self._remember()
        logger.info("clock_confirmed")

    def _trust(self) -> None:
        if isinstance(self._clock, WatchedClock):
            self._clock.trust_wall()

    def _recall(self) -> bool:
        """Whether an earlier process of the same boot left what it trusted; the clock is then held against that."""
        if not isinstance(self._clock, WatchedClock):
            return True
        try:
            kept = json.loads(self._file.read_text(encoding="ascii"))
            if kept["boot"] == _boot() != "":
                self._clock.trust(timedelta(seconds=float(kept["offset"])))
                return True
        except (OSError, ValueError, KeyError, TypeError):
            # Nothing kept, or nothing that can be read: this process begins with the hour that it finds.
            pass
        self._remember()
        return False

    def _remember(self) -> None:
        if not isinstance(self._clock, WatchedClock):
            return
        kept = {"boot": _boot(), "offset": self._clock.trusted.total_seconds()}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(kept) + "\n", encoding="ascii")
        except OSError:
            logger.warning("clock_not_kept")


def _machine_hour(clock: Clock) -> datetime:
    """The machine's own hour: a demonstration's clock is ahead of it on purpose."""
    if isinstance(clock, WatchedClock):
        return clock.wall
    return clock.now() - clock.offset if isinstance(clock, VirtualClock) else clock.now()


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
