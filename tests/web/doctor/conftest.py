"""A service with one doctor who signed in, five minutes before the appointment of Monday 9 March 2026, 09:00 in Paris."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from telecontrol.config import Environment
from telecontrol.scheduling.models import Appointment
from tests.support.concluding import MINUTE, START, appoint
from tests.support.doctoring import CountQueries, counting_queries
from tests.support.insured import Visitor
from tests.support.service import Service, serving
from tests.support.staffing import give_passwords, signed_in
from tests.support.world import World, make_world


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(
        database_url(), now=START - 5 * MINUTE, folder=tmp_path, environment=Environment.DEVELOPMENT
    ) as running:
        yield running


@pytest_asyncio.fixture
async def world(service: Service) -> World:
    async with service.runtime.database.transaction() as session:
        made = await make_world(session)
    await give_passwords(service, made.doctor_user, made.handler)
    return made


@pytest_asyncio.fixture
async def appointment(service: Service, world: World) -> Appointment:
    async with service.runtime.database.transaction() as session:
        return await appoint(session, world)


@pytest_asyncio.fixture
async def doctor(service: Service, world: World) -> AsyncIterator[Visitor]:
    async with signed_in(service, world.doctor_user) as made:
        yield made


@pytest.fixture
def count_queries() -> CountQueries:
    return counting_queries
