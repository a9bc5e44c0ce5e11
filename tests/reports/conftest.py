"""A world with one control, and its appointment on Monday 9 March 2026 at 09:00 in Paris, to which its doctor comes."""

from __future__ import annotations

import pytest_asyncio

from telecontrol.db.session import Database
from telecontrol.scheduling.models import Appointment
from tests.support.concluding import appoint, doctor_waits
from tests.support.world import World, make_world


@pytest_asyncio.fixture
async def world(database: Database) -> World:
    async with database.transaction() as session:
        return await make_world(session)


@pytest_asyncio.fixture
async def appointment(database: Database, world: World) -> Appointment:
    async with database.transaction() as session:
        made = await appoint(session, world)
    await doctor_waits(database, made)
    return made
