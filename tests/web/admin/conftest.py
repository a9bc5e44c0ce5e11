"""A service with its administrator signed in, on both databases, on Monday 2 March 2026, 10:00 in Paris."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.accounts.models import StaffUser
from telecontrol.db.journal import JournalEntry
from tests.support.insured import Visitor
from tests.support.seeding import ADMINISTRATOR, PASSWORD, Seeded, seed
from tests.support.service import Service, serving
from tests.support.staffing import signed_in
from tests.support.world import NOW


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(database_url(), now=NOW, folder=tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def seeded(service: Service) -> Seeded:
    return await seed(service)


@pytest_asyncio.fixture
async def admin(service: Service, seeded: Seeded) -> AsyncIterator[Visitor]:
    async with service.runtime.database.reading() as session:
        user = (await session.scalars(select(StaffUser).where(StaffUser.email == ADMINISTRATOR))).one()
    async with signed_in(service, user, password=PASSWORD) as visitor:
        yield visitor


@pytest.fixture
def acts(service: Service) -> Callable[..., Any]:
    """The journal's lines of an administrator: what was done, and the details that are asked for. The clock stands still, so
    they are in no order of time."""

    async def told(*details: str) -> list[Any]:
        async with service.runtime.database.reading() as session:
            lines = await session.scalars(
                select(JournalEntry).where(
                    JournalEntry.actor_label == "administrator", JournalEntry.action != "staff.signed_in"
                )
            )
            found = list(lines)
        if not details:
            return sorted(line.action for line in found)
        return sorted(((line.action, *(line.detail.get(name) for name in details)) for line in found), key=str)

    return told
