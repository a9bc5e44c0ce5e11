"""Slot search: fifty doctors over four weeks, with more and more appointments in their agendas."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scripts.bench.ground import Ground, fill, settle
from telecontrol.controls.policies import Mode, Rules
from telecontrol.db.session import Database
from telecontrol.scheduling.agenda_rows import Search
from telecontrol.scheduling.deadlines import first_bookable_start
from telecontrol.scheduling.free import all_offers, first_offer
from tests.support.world import NOW

DOCTORS = 50
APPOINTMENTS = (0, 100, 2_000)
_TIMES = 60
_WARM_UP = 8


async def measure(ground: Ground) -> list[dict[str, Any]]:
    """One row per database, number of appointments and kind of search; milliseconds of a search with its queries."""
    rows = []
    for engine in ("postgresql", "sqlite"):
        for appointments in APPOINTMENTS:
            database = Database(ground.database(engine))
            try:
                rows += await _one(database, engine, appointments)
            finally:
                await database.dispose()
    return rows


async def _one(database: Database, engine: str, appointments: int) -> list[dict[str, Any]]:
    async with database.transaction() as session:
        world, doctors, controls = await settle(session, doctors=DOCTORS, people=appointments)
        await fill(session, world, doctors, controls)
        control = world.control
    first = first_bookable_start(NOW, ZoneInfo("Europe/Paris"), hold=timedelta(0))
    rules = Rules.from_json(control.policy.rules)
    search = Search(control, rules, Mode.VIDEO, first, first + timedelta(days=28))

    async def fifty() -> None:
        async with database.reading() as session:
            assert len(await all_offers(session, search, limit=50)) == 50

    async def first_one() -> None:
        async with database.reading() as session:
            assert await first_offer(session, search) is not None

    return [
        {"database": engine, "appointments": appointments, "search": name, **await _timed(work)}
        for name, work in (("first 50 slots", fifty), ("first slot", first_one))
    ]


async def _timed(work: Callable[[], Awaitable[None]]) -> dict[str, float]:
    taken = []
    for number in range(_WARM_UP + _TIMES):
        started = time.perf_counter()
        await work()
        if number >= _WARM_UP:
            taken.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0)
    hundredths = statistics.quantiles(taken, n=100)
    return {"p50_ms": round(statistics.median(taken), 2), "p95_ms": round(hundredths[94], 2)}
