"""Somebody waits and their doctor is not there: the doctor is told once, the desk sees it until they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio
from sqlalchemy import select

from telecontrol.db.session import Database
from telecontrol.outbox.models import Intent
from telecontrol.scheduling import attendance
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment
from telecontrol.scheduling.sweeps import kept_waiting
from telecontrol.tasks.desk import find_open
from telecontrol.tasks.models import Owner, TaskKind
from telecontrol.video.attendance import Fact, record_facts
from telecontrol.video.models import EventKind, Role
from telecontrol.video.waiting import seen
from tests.support.concluding import MINUTE, OPERATOR, START, appoint, doctor_actor, insured_arrives
from tests.support.world import World, make_world


class Room:
    """An appointment whose insured arrived five minutes early, and their doctor's room."""

    def __init__(self, database: Database, world: World, appointment: Appointment) -> None:
        self.database, self.world, self.appointment = database, world, appointment

    async def open(self) -> None:
        self.id = await insured_arrives(self.database, self.appointment, at=START - 5 * MINUTE)

    async def sweep(self, minutes: int, *, is_there: bool = True) -> None:
        now = START + minutes * MINUTE
        if is_there:
            async with self.database.transaction() as session:
                await seen(session, room_id=self.id, now=now)
        await kept_waiting(self.database, operator=OPERATOR, now=now)

    async def doctor(self, event: EventKind | None, minutes: int) -> None:
        async with self.database.transaction() as session:
            await record_facts(session, [Fact(self.id, Role.DOCTOR, event, START + minutes * MINUTE)])

    async def told(self) -> list[str]:
        async with self.database.reading() as session:
            found = await session.scalars(select(Intent).where(Intent.kind == "doctor_insured_waiting"))
            return [each.recipient for each in found]

    async def is_on_the_desk(self) -> bool:
        async with self.database.reading() as session:
            task = await find_open(session, TaskKind.INSURED_WAITING, subject_id=self.appointment.id)
            assert task is None or (task.owner, task.control_id) == (Owner.HANDLER, self.world.control.id)
            return task is not None


@pytest_asyncio.fixture
async def room(database: Database) -> AsyncIterator[Room]:
    async with database.transaction() as session:
        world = await make_world(session)
        appointment = await appoint(session, world)
    made = Room(database, world, appointment)
    await made.open()
    yield made


async def test_a_few_minutes_after_the_start_doctor_and_desk_are_told_once(room: Room) -> None:
    for minutes in (-1, 0, 2):
        await room.sweep(minutes)
    assert (await room.told(), await room.is_on_the_desk()) == ([], False)
    for minutes in (3, 4, 9):
        await room.sweep(minutes)
    assert (await room.told(), await room.is_on_the_desk()) == ([room.world.doctor.email], True)
    async with room.database.reading() as session:
        intent = (await session.scalars(select(Intent).where(Intent.kind == "doctor_insured_waiting"))).one()
        assert intent.not_after <= room.appointment.ends_at + timedelta(minutes=30), "of no use the day after"


async def test_a_doctor_who_is_in_the_room_is_not_chased(room: Room) -> None:
    await room.doctor(EventKind.JOINED, 3)
    await room.sweep(3)
    assert (await room.told(), await room.is_on_the_desk()) == ([], False)
    await room.sweep(6)
    assert len(await room.told()) == 1, "their page died three minutes ago"


async def test_the_row_goes_when_the_doctor_comes_and_nobody_is_written_to_twice(room: Room) -> None:
    await room.sweep(4)
    await room.doctor(EventKind.JOINED, 5)
    await room.sweep(5)
    assert not await room.is_on_the_desk()
    await room.doctor(EventKind.LEFT, 6)
    await room.sweep(8)
    assert (len(await room.told()), await room.is_on_the_desk()) == (1, True)


async def test_admission_ends_it(room: Room) -> None:
    await room.sweep(4)
    async with room.database.transaction() as session:
        dossier = await load_dossier(session, room.appointment.id, lock=True)
        await attendance.admit(session, dossier, actor=doctor_actor(room.world), now=START + 4 * MINUTE)
    assert not await room.is_on_the_desk()
    await room.sweep(9)
    assert not await room.is_on_the_desk()


async def test_somebody_whose_page_is_gone_does_not_wait(room: Room) -> None:
    await room.sweep(4, is_there=False)
    assert (await room.told(), await room.is_on_the_desk()) == ([], False)


async def test_who_gave_up_waiting_stays_on_the_desk(room: Room) -> None:
    await room.sweep(4)
    await room.sweep(12, is_there=False)
    assert await room.is_on_the_desk()
