"""What waits at the desk has a limit, and what is urgent stands before the bookings of the coming weeks."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio
from sqlalchemy import select

from telecontrol.accounts.access import Who
from telecontrol.accounts.viewer import Viewer, ViewerKind
from telecontrol.controls.filing import book_before
from telecontrol.db.session import Database
from telecontrol.scheduling.answers import CannotCome, announce_absence
from telecontrol.scheduling.booking import book, move
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.freeing import cancel
from telecontrol.scheduling.models import Appointment
from telecontrol.tasks.desk import open_task
from telecontrol.tasks.models import Owner, Task, TaskKind
from telecontrol.tasks.queries import open_tasks, queues
from tests.support.world import HANDLER, INSURED, NOW, World, make_world, operator

OPERATOR = operator()
STARTS = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
DESK = Viewer(ViewerKind.STAFF, Who.HANDLER, uuid.UUID(int=7))


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with database.transaction() as session:
        made = await make_world(session)
    yield made


async def _book(database: Database, world: World) -> Appointment:
    async with database.transaction() as session:
        return await book(
            session,
            operator=OPERATOR,
            control_id=world.control.id,
            doctor_id=world.doctor.id,
            starts_at=STARTS,
            actor=HANDLER,
            now=NOW,
        )


async def _limits(database: Database) -> dict[TaskKind, datetime | None]:
    async with database.reading() as session:
        found = await session.scalars(select(Task).where(Task.done_at.is_(None), Task.owner == Owner.HANDLER))
        return {task.kind: task.due_at for task in found}


async def test_an_announced_absence_is_due_when_the_appointment_starts(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        await announce_absence(
            session, operator=OPERATOR, dossier=dossier, reason=CannotCome.TRAVEL, actor=INSURED, now=NOW
        )
    assert await _limits(database) == {TaskKind.ABSENCE_TO_QUALIFY: STARTS}


async def test_a_control_to_book_again_has_the_limit_of_a_first_booking(database: Database, world: World) -> None:
    appointment = await _book(database, world)
    async with database.transaction() as session:
        await cancel(
            session,
            operator=OPERATOR,
            dossier=await load_dossier(session, appointment.id, lock=True),
            actor=HANDLER,
            now=NOW + timedelta(hours=1),
        )
    limit = book_before(world.control.leave_ends_on, "Europe/Paris", now=NOW)
    assert await _limits(database) == {TaskKind.CONTROL_TO_BOOK: limit}


async def test_one_channel_only_is_due_with_the_notice_it_serves(database: Database, world: World) -> None:
    async with database.transaction() as session:
        insured = await session.get_one(type(world.insured), world.insured.id)
        insured.phone = ""
        await _open(session, TaskKind.ONE_CHANNEL_ONLY, world, due_at=STARTS + timedelta(days=30))
    appointment = await _book(database, world)
    assert (await _limits(database))[TaskKind.ONE_CHANNEL_ONLY] == appointment.hard_limit_at
    later = STARTS + timedelta(days=1)
    async with database.transaction() as session:
        dossier = await load_dossier(session, appointment.id, lock=True)
        moved = await move(session, operator=OPERATOR, dossier=dossier, starts_at=later, actor=HANDLER, now=NOW)
    assert (await _limits(database))[TaskKind.ONE_CHANNEL_ONLY] == moved.hard_limit_at == later - timedelta(hours=48)
    async with database.transaction() as session:
        await cancel(
            session,
            operator=OPERATOR,
            dossier=await load_dossier(session, appointment.id, lock=True),
            actor=HANDLER,
            now=NOW,
        )
    limits = await _limits(database)
    assert limits[TaskKind.ONE_CHANNEL_ONLY] == limits[TaskKind.CONTROL_TO_BOOK]


async def test_urgent_rows_come_before_bookings_and_pages_hold_every_row_once(database: Database, world: World) -> None:
    async with database.transaction() as session:
        for day in range(1, 8):
            await _open(session, TaskKind.CONTROL_TO_BOOK, world, due_at=NOW + timedelta(days=day), subject=day)
        await _open(session, TaskKind.ABSENCE_TO_QUALIFY, world, due_at=NOW + timedelta(days=20), subject=50)
        await _open(session, TaskKind.MESSAGE_FAILED, world, due_at=None, subject=51)
    async with database.reading() as session:
        shown = [await open_tasks(session, DESK, limit=4, skip=skip) for skip in (0, 4, 8)]
        waiting = await queues(session, DESK)
    rows = [task for part in shown for task in part]
    assert [task.kind for task in rows[:2]] == [TaskKind.ABSENCE_TO_QUALIFY, TaskKind.MESSAGE_FAILED]
    assert len({task.id for task in rows}) == len(rows) == 9
    assert [task.due_at for task in rows[2:]] == sorted(NOW + timedelta(days=day) for day in range(1, 8))
    assert waiting[-1].kind is TaskKind.CONTROL_TO_BOOK


async def _open(session: Any, kind: TaskKind, world: World, *, due_at: datetime | None, subject: int = 0) -> None:
    await open_task(
        session,
        kind,
        subject_kind="control",
        subject_id=uuid.UUID(int=subject) if subject else world.control.id,
        control_id=world.control.id,
        organisation_id=world.organisation.id,
        owner=Owner.HANDLER,
        due_at=due_at,
        now=NOW,
    )
