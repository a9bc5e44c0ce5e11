"""A service with one appointment by video, a week ahead, and somebody's browser that has opened nothing yet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio

from telecontrol.config import Environment
from telecontrol.scheduling.models import Appointment
from tests.support.insured import Visitor, book_video, visiting
from tests.support.service import Service, serving
from tests.support.world import NOW, World, make_world


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(database_url(), now=NOW, folder=tmp_path, environment=Environment.DEVELOPMENT) as running:
        yield running


@pytest_asyncio.fixture
async def world(service: Service) -> World:
    async with service.runtime.database.transaction() as session:
        return await make_world(session)


@pytest_asyncio.fixture
async def appointment(service: Service, world: World) -> Appointment:
    return await book_video(service, world)


@pytest_asyncio.fixture
async def visitor(service: Service) -> AsyncIterator[Visitor]:
    async with visiting(service) as made:
        yield made
