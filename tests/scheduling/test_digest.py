"""The desk's morning digest: who gets it, when, and only when something is at risk."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.accounts.models import Organisation, Role, StaffUser
from telecontrol.db.session import Database
from telecontrol.outbox.contents import open_context
from telecontrol.outbox.models import Intent
from telecontrol.scheduling.digest import desk_digests, digest_window
from telecontrol.tasks.desk import open_task
from telecontrol.tasks.models import Owner, TaskKind
from tests.support.world import NOW, World, make_world, operator

OPERATOR = operator()
TUESDAY = datetime(2026, 3, 3, 6, 30, tzinfo=UTC)
"""07:30 in Paris."""
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with database.transaction() as session:
        made = await make_world(session)
    yield made


async def _at_risk(database: Database, organisation_id: uuid.UUID, *, due_at: datetime | None, level: int = 0) -> None:
    async with database.transaction() as session:
        await open_task(
            session,
            TaskKind.NOTICE_AT_RISK,
            subject_kind="appointment",
            subject_id=uuid.uuid4(),
            organisation_id=organisation_id,
            owner=Owner.HANDLER,
            due_at=due_at,
            level=level,
            now=NOW,
        )


async def _told(database: Database) -> dict[str, list[tuple[str, int]]]:
    async with database.reading() as session:
        found = await session.scalars(select(Intent).where(Intent.kind == "desk_digest").order_by(Intent.created_at))
        values = [(each.recipient, open_context(each.id, each.context_sealed, OPERATOR.messages)) for each in found]
    told: dict[str, list[tuple[str, int]]] = {}
    for recipient, each in values:
        told.setdefault(recipient, []).extend((line["task"], line["count"]) for line in each["lines"])
    return told


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (datetime(2026, 3, 2, 5, tzinfo=UTC), datetime(2026, 3, 2, 6, 30, tzinfo=UTC)),
        (datetime(2026, 7, 1, 5, tzinfo=UTC), datetime(2026, 7, 1, 5, 30, tzinfo=UTC)),
        (datetime(2026, 3, 7, 8, tzinfo=UTC), None),
        (datetime(2026, 4, 6, 8, tzinfo=UTC), None),
        (datetime(2026, 3, 1, 23, 30, tzinfo=UTC), datetime(2026, 3, 2, 6, 30, tzinfo=UTC)),
    ],
    ids=["winter", "summer", "saturday", "easter_monday", "the_local_day"],
)
def test_working_mornings(now: datetime, opens: datetime | None) -> None:
    window = digest_window(now)
    assert (window and window[0]) == opens


async def test_once_a_morning_and_only_when_something_is_at_risk(database: Database, world: World) -> None:
    await _at_risk(database, world.organisation.id, due_at=TUESDAY + 90 * HOUR)
    assert await desk_digests(database, operator=OPERATOR, now=TUESDAY) == 0
    await _at_risk(database, world.organisation.id, due_at=TUESDAY + 5 * HOUR)
    await _at_risk(database, world.organisation.id, due_at=TUESDAY - HOUR)
    await _at_risk(database, world.organisation.id, due_at=None, level=1)
    assert await desk_digests(database, operator=OPERATOR, now=TUESDAY - timedelta(seconds=1)) == 0
    for minutes in (0, 1, 60):
        await desk_digests(database, operator=OPERATOR, now=TUESDAY + timedelta(minutes=minutes))
    assert await _told(database) == {world.handler.email: [("notice_at_risk", 3)]}
    await desk_digests(database, operator=OPERATOR, now=TUESDAY + 24 * HOUR)
    assert await _told(database) == {world.handler.email: [("notice_at_risk", 3)] * 2}


async def test_not_in_the_afternoon(database: Database, world: World) -> None:
    await _at_risk(database, world.organisation.id, due_at=TUESDAY)
    assert await desk_digests(database, operator=OPERATOR, now=TUESDAY + 6 * HOUR) == 0


async def test_a_handler_of_one_organisation_reads_of_that_one_alone(database: Database, world: World) -> None:
    async with database.transaction() as session:
        other = Organisation(code="other", name="Autre caisse", created_at=NOW)
        session.add(other)
        await session.flush()
        for email, organisation, is_active in (
            ("autre@test.example", other.id, True),
            ("parti@test.example", None, False),
        ):
            session.add(
                StaffUser(
                    email=email,
                    display_name=email,
                    role=Role.HANDLER,
                    organisation_id=organisation,
                    is_active=is_active,
                    password_hash="!",
                    created_at=NOW,
                )
            )
    await _at_risk(database, world.organisation.id, due_at=TUESDAY)
    assert await desk_digests(database, operator=OPERATOR, now=TUESDAY) == 1
    await _at_risk(database, other.id, due_at=TUESDAY)
    assert await desk_digests(database, operator=OPERATOR, now=TUESDAY + HOUR) == 1
    assert await _told(database) == {
        world.handler.email: [("notice_at_risk", 1)],
        "autre@test.example": [("notice_at_risk", 1)],
    }
