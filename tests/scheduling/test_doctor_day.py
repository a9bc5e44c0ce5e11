"""A doctor's day: whose, in which order, who waits, and in how many queries."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Engine, event

from telecontrol.accounts.models import Role, StaffUser
from telecontrol.accounts.viewer import Viewer, staff_viewer
from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode
from telecontrol.controls.states import ControlState
from telecontrol.db.session import Database
from telecontrol.errors import NotFound
from telecontrol.scheduling.doctor_day import Day, day_of, own_dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from tests.support.concluding import MINUTE, START, appoint, insured_arrives
from tests.support.world import NOW, World, make_control, make_world


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with database.transaction() as session:
        made = await make_world(session)
    yield made


def _viewer(world: World) -> Viewer:
    return staff_viewer(world.doctor_user, doctor_id=world.doctor.id)


async def _another(database: Database, world: World, number: int, starts_at: datetime, **given: Any) -> Appointment:
    """The appointment of another person."""
    async with database.transaction() as session:
        control = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=number)
        values = {"control_id": control.id, "insured_id": control.insured_id, **given}
        return await appoint(session, world, starts_at=starts_at, **values)


async def _day(database: Database, world: World, *, at: datetime = START, on: date | None = None) -> Day:
    async with database.reading() as session:
        return await day_of(session, _viewer(world), now=at, on=on)


@contextmanager
def _counting() -> Iterator[list[str]]:
    said: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            said.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


async def test_a_day_holds_the_doctors_own_appointments_of_the_local_day_in_order(
    database: Database, world: World
) -> None:
    midday = await _another(database, world, 2, START + timedelta(hours=3))
    early = await _another(database, world, 3, datetime(2026, 3, 8, 23, 10, tzinfo=UTC))  # 00:10 on the 9th in Paris
    await _another(database, world, 4, datetime(2026, 3, 9, 23, 10, tzinfo=UTC))  # the 10th in Paris
    await _another(database, world, 5, START + timedelta(hours=1), doctor_id=world.other_doctor.id)
    await _another(database, world, 6, START + timedelta(hours=2), state=AppointmentState.RELEASED)

    day = await _day(database, world)

    assert day.on == date(2026, 3, 9)
    assert [entry.appointment.id for entry in day.entries] == [early.id, midday.id]
    assert [entry.dossier.insured.given_name for entry in day.entries] == ["Camille 3", "Camille 2"]


async def test_who_waits_is_told_since_when_and_comes_next(database: Database, world: World) -> None:
    first = await _another(database, world, 2, START)
    second = await _another(database, world, 3, START + 30 * MINUTE)
    await insured_arrives(database, second, at=START + 20 * MINUTE)

    day = await _day(database, world, at=START + 21 * MINUTE)

    waiting = day.entries[1].waiting
    assert waiting is not None
    assert waiting.since == START + 20 * MINUTE
    assert waiting.is_there
    assert day.entries[0].waiting is None
    assert [entry.appointment.id for entry in day.waiting] == [second.id]
    upcoming = day.next_up(now=START + 21 * MINUTE)
    assert upcoming is not None
    assert upcoming.appointment.id == second.id, "whoever waits comes before whoever has not come"
    assert day.entries[0].appointment.id == first.id


async def test_next_is_whoever_is_being_seen_then_the_next_hour_then_nobody(database: Database, world: World) -> None:
    seen = await _another(database, world, 2, START, state=AppointmentState.IN_PROGRESS)
    later = await _another(database, world, 3, START + 30 * MINUTE)

    day = await _day(database, world, at=START + 5 * MINUTE)

    def upcoming(at: datetime, after: uuid.UUID | None = None) -> uuid.UUID | None:
        entry = day.next_up(now=at, after=after)
        return None if entry is None else entry.appointment.id

    assert upcoming(START + 5 * MINUTE) == seen.id
    assert upcoming(START + 5 * MINUTE, after=seen.id) == later.id
    assert upcoming(START + 61 * MINUTE, after=seen.id) is None


async def test_what_was_left_without_a_conclusion_stays_in_sight(database: Database, world: World) -> None:
    left = await _another(database, world, 2, START - timedelta(days=3), state=AppointmentState.OVER)
    settled = await _another(database, world, 3, START - timedelta(days=2), state=AppointmentState.OVER)
    async with database.transaction() as session:
        (await session.get_one(Control, left.control_id)).state = ControlState.TO_QUALIFY
        (await session.get_one(Control, settled.control_id)).state = ControlState.TO_BOOK

    day = await _day(database, world)

    assert [entry.appointment.id for entry in day.to_conclude] == [left.id]
    assert day.to_conclude[0].is_to_conclude
    assert not day.entries


async def test_the_number_of_queries_does_not_grow_with_the_day(database: Database, world: World) -> None:
    counts = []
    for batch in range(2):
        for number in range(3):
            index = batch * 3 + number
            made = await _another(database, world, 10 + index, START + 30 * index * MINUTE)
            await insured_arrives(database, made, at=START)
        with _counting() as said:
            assert len((await _day(database, world)).entries) == (batch + 1) * 3
        counts.append(len(said))

    assert counts == [5, 5]


async def test_an_appointment_of_somebody_else_is_none(database: Database, world: World) -> None:
    own = await _another(database, world, 2, START, mode=Mode.SURGERY)
    colleagues = await _another(database, world, 3, START, doctor_id=world.other_doctor.id)
    handler = staff_viewer(world.handler)
    nobody = staff_viewer(
        StaffUser(id=uuid.uuid4(), email="x@test.example", display_name="x", role=Role.DOCTOR, created_at=NOW)
    )

    async with database.reading() as session:
        found = await own_dossier(session, _viewer(world), own.id)
        assert found.appointment.id == own.id
        assert found.site is not None
        for viewer, appointment_id in (
            (_viewer(world), colleagues.id),
            (_viewer(world), uuid.uuid4()),
            (handler, own.id),
            (nobody, own.id),
        ):
            with pytest.raises(NotFound):
                await own_dossier(session, viewer, appointment_id)
        for viewer in (handler, nobody):
            with pytest.raises(NotFound):
                await day_of(session, viewer, now=START)
