"""A jump of the wall clock neither sends early nor twice (PROMISES P16): clocks that are set, put back, asleep, apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from telecontrol.clock import VirtualClock, WatchedClock
from telecontrol.config import Settings
from telecontrol.db.journal import Actor, ActorKind, JournalEntry
from telecontrol.db.session import Database
from telecontrol.errors import NotFound
from telecontrol.outbox import holds
from telecontrol.outbox.clock_guard import DIFFERS, WAS_SET, ClockGuard
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.outbox.sweeps import send_due
from telecontrol.tasks.models import Owner, Task
from telecontrol.worker import assemble, run_once
from tests.support.ledger import Ledger, LedgerTarget
from tests.support.mailing import SEALER, write

ADMINISTRATOR = Actor(ActorKind.STAFF, "an administrator", "administrator")
HOUR = timedelta(hours=1)


class Machine:
    """A machine whose hour can be set while its steady clock goes on: the injected fault."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self.elapsed = timedelta(0)
        self.set_by = timedelta(0)

    def now(self) -> datetime:
        return self.started + self.elapsed + self.set_by

    def steady(self) -> float:
        return 1000.0 + self.elapsed.total_seconds()

    def clock(self) -> WatchedClock:
        return WatchedClock(self, steady=self.steady)


@pytest.fixture
def machine() -> Machine:
    return Machine()


class TestWatchedClock:
    def test_time_goes_on_from_where_it_was_whatever_the_hour_is_set_to(self, machine: Machine) -> None:
        clock = machine.clock()
        right = clock.now()
        for set_by in (24 * HOUR, -24 * HOUR, timedelta(seconds=61)):
            machine.set_by = set_by
            assert clock.was_set
            assert clock.now() == right
        machine.elapsed = 5 * HOUR
        assert clock.now() == right + 5 * HOUR
        machine.set_by = timedelta(seconds=59)
        assert clock.now() == machine.now(), "small corrections are the machine's own business"

    def test_a_machine_that_slept_was_not_set(self, machine: Machine) -> None:
        clock = machine.clock()
        machine.elapsed = 100 * HOUR  # both clocks counted the sleep
        assert not clock.was_set
        assert clock.now() == machine.now()

    def test_months_of_small_corrections_are_no_jump(self, machine: Machine) -> None:
        clock = machine.clock()
        for _ in range(20):
            machine.elapsed += HOUR
            machine.set_by += timedelta(seconds=20)
            assert clock.settle()
            assert not clock.settle(), "once an hour"
        assert not clock.was_set

    def test_a_jump_is_never_taken_for_a_correction(self, machine: Machine) -> None:
        clock = machine.clock()
        machine.elapsed, machine.set_by = 2 * HOUR, HOUR
        assert not clock.settle()
        clock.trust_wall()
        assert clock.now() == machine.now()


async def held(database: Database) -> list[tuple[str, str]]:
    async with database.reading() as session:
        return [(row.target, row.code) for row in await holds.standing(session)]


async def open_tasks(database: Database) -> list[Task]:
    async with database.reading() as session:
        return list(await session.scalars(select(Task).where(Task.done_at.is_(None))))


async def confirm(database: Database, name: str) -> None:
    async with database.transaction() as session:
        await holds.lift(session, name, outcome="hour_confirmed", now=datetime.now(UTC), actor=ADMINISTRATOR)


async def test_held_with_one_alert_and_resumed_when_the_clocks_agree_again(
    database: Database, machine: Machine, tmp_path: Path
) -> None:
    guard = ClockGuard(machine.clock(), folder=tmp_path)
    assert await guard.reason(database) is None
    machine.set_by = 3 * HOUR
    for _ in range(3):
        assert await guard.reason(database) == WAS_SET
    assert await held(database) == [(guard.name, WAS_SET)]
    [task] = await open_tasks(database)
    assert (task.owner, task.detail["code"], task.detail["seconds"]) == (Owner.ADMINISTRATOR, WAS_SET, 3 * 3600)
    machine.set_by = timedelta(0)
    assert await guard.reason(database) is None
    assert (await held(database), await open_tasks(database)) == ([], [])
    async with database.reading() as session:
        lines = list(await session.scalars(select(JournalEntry.action).order_by(JournalEntry.at)))
    assert sorted(lines) == ["sending.held", "sending.resumed"]
    with pytest.raises(NotFound):
        await confirm(database, guard.name)


async def test_an_administrator_confirms_the_hour(database: Database, machine: Machine, tmp_path: Path) -> None:
    clock = machine.clock()
    guard = ClockGuard(clock, folder=tmp_path)
    machine.set_by = timedelta(seconds=90)
    assert await guard.reason(database) == WAS_SET
    assert clock.now() != machine.now()
    await confirm(database, guard.name)
    assert await guard.reason(database) is None
    assert clock.now() == machine.now()
    assert await held(database) == []
    machine.set_by = timedelta(seconds=-90)
    assert await guard.reason(database) == WAS_SET, "the next one is noticed like the first"


async def test_a_restart_does_not_make_a_false_hour_right(database: Database, machine: Machine, tmp_path: Path) -> None:
    guard = ClockGuard(machine.clock(), folder=tmp_path)
    assert await guard.reason(database) is None
    machine.set_by = 24 * HOUR
    restarted = ClockGuard(machine.clock(), folder=tmp_path)
    assert await restarted.reason(database) == WAS_SET
    # A process that knows nothing of before (another folder, another boot) leaves it to somebody, or to the clocks.
    stranger = ClockGuard(machine.clock(), folder=tmp_path / "elsewhere")
    for _ in range(2):
        assert await stranger.reason(database) == WAS_SET
    machine.set_by = timedelta(0)
    assert await restarted.reason(database) is None


async def test_another_machine_is_held_too_and_cannot_resume_for_it(
    database: Database, machine: Machine, tmp_path: Path
) -> None:
    here = ClockGuard(machine.clock(), folder=tmp_path / "a", machine="a")
    there = ClockGuard(Machine().clock(), folder=tmp_path / "b", machine="b")
    machine.set_by = HOUR
    assert await here.reason(database) == WAS_SET
    assert await there.reason(database) == WAS_SET
    assert await held(database) == [(here.name, WAS_SET)]
    machine.set_by = timedelta(0)
    await here.reason(database)
    assert await there.reason(database) is None


async def test_postgresql_s_own_clock_is_asked(database: Database, machine: Machine, tmp_path: Path) -> None:
    machine.set_by = timedelta(minutes=10)  # wrong from the start: nothing was set while we ran
    guard = ClockGuard(machine.clock(), folder=tmp_path)
    if database.is_sqlite:
        assert await guard.reason(database) is None, "SQLite has no clock to ask"
        return
    assert await guard.reason(database) == DIFFERS
    machine.set_by = timedelta(seconds=5)
    assert await guard.reason(database) is None, "mended: the two agree"
    machine.set_by = timedelta(minutes=10)
    assert await guard.reason(database) == WAS_SET
    await confirm(database, guard.name)
    assert await guard.reason(database) is None
    assert await guard.reason(database) is None


async def test_moving_the_demonstration_s_clock_trips_nothing(database: Database, tmp_path: Path) -> None:
    clock = VirtualClock()
    guard = ClockGuard(clock, folder=tmp_path)
    for by in (timedelta(0), timedelta(days=3), HOUR):
        clock.advance(by)
        assert await guard.reason(database) is None
    frozen = ClockGuard(VirtualClock(frozen_at=datetime(2026, 3, 2, tzinfo=UTC)), folder=tmp_path)
    assert await frozen.reason(database) is None


async def test_nothing_leaves_early_nor_twice(
    committed_database: Database, machine: Machine, ledger: Ledger, tmp_path: Path
) -> None:
    database, clock = committed_database, machine.clock()
    guard = ClockGuard(clock, folder=tmp_path)
    targets = {"mail": LedgerTarget(ledger.port)}
    tomorrow = clock.now() + 24 * HOUR
    async with database.transaction() as session:
        intent = await write(
            session,
            now=clock.now(),
            not_before=tomorrow,
            not_after=tomorrow + 12 * HOUR,
            deadline_at=tomorrow + 12 * HOUR,
        )

    async def tick() -> Any:
        """A sweep as the worker makes it; besides, a pass that had begun just before the guard looked."""
        if await guard.reason(database) is None:
            return await send_due(database, targets=targets, sealer=SEALER, clock=clock)
        return None

    await tick()
    machine.set_by = 25 * HOUR
    begun = await send_due(database, targets=targets, sealer=SEALER, clock=clock)
    assert (begun.claimed, begun.expired) == (0, 0)
    assert await tick() is None
    machine.set_by = 72 * HOUR
    assert (await send_due(database, targets=targets, sealer=SEALER, clock=clock)).expired == 0
    machine.set_by = timedelta(0)
    assert (await tick()).claimed == 0, "resumed, and not due yet"
    machine.elapsed = 24 * HOUR + timedelta(minutes=1)
    assert (await send_due(database, targets=targets, sealer=SEALER, clock=clock)).accepted == 1
    machine.set_by = -24 * HOUR
    assert (await send_due(database, targets=targets, sealer=SEALER, clock=clock)).claimed == 0
    async with database.reading() as session:
        kept = await session.get_one(Intent, intent.id)
    assert (kept.state, kept.attempts_made) == (IntentState.ACCEPTED, 1)


async def test_the_worker_decides_nothing_and_readiness_says_why(
    settings: Callable[..., Settings], database_url: Callable[..., str], machine: Machine
) -> None:
    runtime = assemble(settings(database_url=database_url()), clock=machine.clock())
    try:
        await run_once(runtime)
        machine.set_by = 24 * HOUR
        runtime.last_run["send"] = datetime.now(UTC)
        await run_once(runtime)
        assert runtime.held == WAS_SET
        assert runtime.faults()["sending"] == f"held back: {WAS_SET}"
        machine.set_by = timedelta(0)
        await run_once(runtime)
        assert runtime.faults()["sending"] is None
    finally:
        await runtime.aclose()
