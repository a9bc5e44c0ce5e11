"""People and organisations for the tests of who may enter."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from telecontrol.accounts.models import Organisation, Role, StaffUser
from telecontrol.accounts.passwords import Cost
from telecontrol.accounts.staff import add_user
from telecontrol.db.journal import SERVICE
from telecontrol.db.session import Database

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CHEAP = Cost(rounds=1, memory=8, lanes=1)
PASSWORD = "un cheval bleu sur le toit"


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
async def organisation(database: Database) -> Organisation:
    async with database.transaction() as session:
        row = Organisation(code="caisse-01", name="Caisse de l'Ain", created_at=NOW)
        session.add(row)
    return row


@pytest.fixture
def make_user(database: Database) -> Callable[..., Awaitable[StaffUser]]:
    async def make(**given: Any) -> StaffUser:
        values: dict[str, Any] = {
            "email": f"{uuid.uuid4().hex[:8]}@gestion.example",
            "display_name": "Gestion",
            "role": Role.HANDLER,
            "password": PASSWORD,
            "actor": SERVICE,
            "now": NOW,
            "cost": CHEAP,
        }
        async with database.transaction() as session:
            return await add_user(session, **{**values, **given})

    return make
