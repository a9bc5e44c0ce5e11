"""A service on Monday 2 March 2026, 10:00 in Paris, with two handlers. A sign-in ends after two hours of the service's clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio

from telecontrol.accounts.models import Role, StaffUser
from telecontrol.config import Environment
from tests.support.insured import Visitor
from tests.support.service import Service, serving
from tests.support.staffing import give_passwords, signed_in
from tests.support.world import NOW, World, make_world


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(database_url(), now=NOW, folder=tmp_path, environment=Environment.DEVELOPMENT) as running:
        yield running


@pytest_asyncio.fixture
async def world(service: Service) -> World:
    async with service.runtime.database.transaction() as session:
        made = await make_world(session)
        (await session.get_one(StaffUser, made.handler.id)).display_name = "Agathe Vidal"
    await give_passwords(service, made.handler, made.doctor_user)
    return made


@pytest_asyncio.fixture
async def handler(service: Service, world: World) -> AsyncIterator[Visitor]:
    async with signed_in(service, world.handler) as made:
        yield made


@pytest_asyncio.fixture
async def other_handler(service: Service, world: World) -> StaffUser:
    """Béatrice Deux, another handler."""
    user = StaffUser(
        email="deux@test.example",
        display_name="Béatrice Deux",
        role=Role.HANDLER,
        password_hash="!",
        created_at=NOW,
    )
    async with service.runtime.database.transaction() as session:
        session.add(user)
    await give_passwords(service, user)
    return user


@pytest_asyncio.fixture
async def colleague(service: Service, other_handler: StaffUser) -> AsyncIterator[Visitor]:
    """The other handler in a browser of her own."""
    async with signed_in(service, other_handler) as made:
        yield made
