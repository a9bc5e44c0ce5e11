"""A doctor's own changes to the agenda: whom they hit, what the desk must do about it, and that slots follow."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.accounts.viewer import staff_viewer
from telecontrol.controls.policies import Mode, Rules
from telecontrol.db.journal import JournalEntry
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, NotFound, SlotTaken
from telecontrol.scheduling import unavailability
from telecontrol.scheduling.agenda_rows import Search
from telecontrol.scheduling.agenda_week import Week, week_of
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.calendar import Holiday
from telecontrol.scheduling.free import all_offers
from telecontrol.scheduling.models import Appointment, AppointmentState, DoctorAbsence
from telecontrol.scheduling.unavailability import Period, whole_days
from telecontrol.tasks.models import Owner, Task, TaskKind
from tests.support.concluding import MINUTE, OPERATOR, START, appoint, doctor_actor
from tests.support.world import HANDLER, NOW, World, make_world

PARIS = ZoneInfo("Europe/Paris")
MONDAY = date(2026, 3, 9)


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with database.transaction() as session:
        made = await make_world(session)
    yield made


async def _appoint(database: Database, world: World, **given: Any) -> Appointment:
    async with database.transaction() as session:
        return await appoint(session, world, **given)


async def _away(
    database: Database, world: World, period: Period, *, now: datetime = NOW
) -> tuple[DoctorAbsence, list[Appointment]]:
    async with database.transaction() as session:
        return await unavailability.add_absence(
            session, doctor_id=world.doctor.id, period=period, actor=doctor_actor(world), now=now
        )


async def _back(database: Database, world: World, absence: DoctorAbsence) -> None:
    async with database.transaction() as session:
        await unavailability.remove_absence(
            session, doctor_id=world.doctor.id, absence_id=absence.id, actor=doctor_actor(world), now=NOW
        )


async def _tasks(database: Database) -> list[Task]:
    async with database.reading() as session:
        found = await session.scalars(
            select(Task).where(Task.kind == TaskKind.DOCTOR_UNAVAILABLE, Task.done_at.is_(None))
        )
        return list(found)


async def _starts(database: Database, world: World) -> set[datetime]:
    """The starts that the doctor offers on the Monday."""
    async with database.reading() as session:
        rules = Rules.from_json(world.control.policy.rules)
        first = datetime(2026, 3, 9, 0, tzinfo=PARIS)
        search = Search(world.control, rules, Mode.VIDEO, first, first + timedelta(hours=23), world.doctor.id)
        return {offer.starts_at for offer in await all_offers(session, search)}


async def _week(database: Database, world: World, *, on: date = MONDAY, now: datetime = NOW) -> Week:
    async with database.reading() as session:
        return await week_of(session, staff_viewer(world.doctor_user, doctor_id=world.doctor.id), now=now, on=on)


async def test_an_absence_hits_what_it_overlaps_and_the_desk_is_asked_once(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)
    monday = whole_days(MONDAY, MONDAY, PARIS)

    absence, hit = await _away(database, world, monday)
    again, hit_again = await _away(database, world, monday)

    assert again.id == absence.id
    assert [each.id for each in hit] == [each.id for each in hit_again] == [appointment.id]
    (task,) = await _tasks(database)
    assert (task.subject_id, task.control_id, task.owner) == (appointment.id, appointment.control_id, Owner.HANDLER)
    assert task.due_at == appointment.starts_at
    assert not await _starts(database, world)
    async with database.reading() as session:
        assert (await session.get_one(Appointment, appointment.id)).state is AppointmentState.BOOKED
        said = [line.action for line in await session.scalars(select(JournalEntry))]
    assert said.count("agenda.absence_added") == 1


@pytest.mark.parametrize(
    ("starts", "ends", "is_hit"),
    [
        pytest.param(-60, 0, False, id="until it starts"),
        pytest.param(-60, 1, True, id="into its first minute"),
        pytest.param(19, 60, True, id="from its last minute"),
        pytest.param(20, 60, False, id="from its end, though the buffer goes on"),
    ],
)
async def test_what_is_hit_is_what_overlaps(
    database: Database, world: World, starts: int, ends: int, is_hit: bool
) -> None:
    await _appoint(database, world)

    _, hit = await _away(database, world, Period(START + starts * MINUTE, START + ends * MINUTE))

    assert bool(hit) is is_hit


async def test_coming_back_closes_what_nothing_else_hits(database: Database, world: World) -> None:
    await _appoint(database, world)
    morning, _ = await _away(database, world, Period(START - 60 * MINUTE, START + 60 * MINUTE))
    day, _ = await _away(database, world, whole_days(MONDAY, MONDAY, PARIS))

    await _back(database, world, morning)
    assert len(await _tasks(database)) == 1, "still away that day"
    await _back(database, world, day)

    assert not await _tasks(database)
    assert START + 60 * MINUTE in await _starts(database, world)


async def test_a_closed_exception_hits_and_keeps_a_task_open_too(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)
    actor = doctor_actor(world)
    async with database.transaction() as session:
        exception, hit = await unavailability.add_exception(
            session,
            doctor_id=world.doctor.id,
            on=MONDAY,
            opens=time(9),
            closes=time(10),
            is_open=False,
            actor=actor,
            now=NOW,
        )
    absence, _ = await _away(database, world, Period(START, START + 20 * MINUTE))
    await _back(database, world, absence)

    assert [each.id for each in hit] == [appointment.id]
    assert len(await _tasks(database)) == 1
    async with database.transaction() as session:
        await unavailability.remove_exception(
            session, doctor_id=world.doctor.id, exception_id=exception.id, actor=actor, now=NOW
        )
    assert not await _tasks(database)


async def test_an_open_exception_offers_hours_that_the_week_does_not(database: Database, world: World) -> None:
    async with database.transaction() as session:
        for mode, site_id in ((Mode.VIDEO, None), (Mode.SURGERY, world.site.id)):
            await unavailability.add_exception(
                session,
                doctor_id=world.doctor.id,
                on=MONDAY,
                opens=time(12, 30),
                closes=time(13),
                is_open=True,
                mode=mode,
                site_id=site_id,
                actor=doctor_actor(world),
                now=NOW,
            )

    assert datetime(2026, 3, 9, 11, 30, tzinfo=UTC) in await _starts(database, world)
    monday = (await _week(database, world)).days[0]
    ways = {opening.starts_at: opening.places for opening in monday.openings if opening.starts_at.hour == 11}
    assert ways == {datetime(2026, 3, 9, 11, 30, tzinfo=UTC): ((Mode.SURGERY, "Centre Part-Dieu"), (Mode.VIDEO, ""))}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param({"closes": time(9)}, "closes", id="closes before it opens"),
        pytest.param({"on": date(2026, 2, 27)}, "on", id="past"),
        pytest.param({"on": date(2029, 2, 27)}, "on", id="a year mistyped"),
        pytest.param({"is_open": True, "mode": Mode.SURGERY}, "site_id", id="nowhere"),
        pytest.param({"is_open": True, "site_id": uuid.UUID(int=5)}, "site_id", id="video has no site"),
        pytest.param(
            {"is_open": True, "mode": Mode.SURGERY, "site_id": uuid.UUID(int=5)}, "site_id", id="not their site"
        ),
        pytest.param({"is_open": True, "mode": Mode.HOME}, "mode", id="home is not in the agenda"),
    ],
)
async def test_exceptions_that_cannot_be(database: Database, world: World, given: dict, field: str) -> None:
    values = {"on": MONDAY, "opens": time(10), "closes": time(11), "is_open": False, **given}
    with pytest.raises(InvalidInput) as refused:
        async with database.transaction() as session:
            await unavailability.add_exception(
                session, doctor_id=world.doctor.id, actor=doctor_actor(world), now=NOW, **values
            )
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("period", "code"),
    [
        pytest.param(Period(START, START), "not_in_order", id="empty"),
        pytest.param(Period(NOW - timedelta(days=2), NOW - timedelta(days=1)), "in_the_past", id="past"),
        pytest.param(Period(START, START + timedelta(days=400)), "too_long", id="more than a year"),
        pytest.param(
            Period(START + timedelta(days=1000), START + timedelta(days=1001)), "too_long", id="in three years"
        ),
    ],
)
async def test_absences_that_cannot_be(database: Database, world: World, period: Period, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _away(database, world, period)
    assert refused.value.code == code


async def test_a_colleagues_absence_and_exception_are_none(database: Database, world: World) -> None:
    async with database.transaction() as session:
        absence, _ = await unavailability.add_absence(
            session,
            doctor_id=world.other_doctor.id,
            period=whole_days(MONDAY, MONDAY, PARIS),
            actor=doctor_actor(world),
            now=NOW,
        )
        exception, _ = await unavailability.add_exception(
            session,
            doctor_id=world.other_doctor.id,
            on=MONDAY,
            opens=time(9),
            closes=time(10),
            is_open=False,
            actor=doctor_actor(world),
            now=NOW,
        )
    who: dict[str, Any] = {"doctor_id": world.doctor.id, "actor": doctor_actor(world), "now": NOW}
    async with database.transaction() as session:
        for absence_id in (absence.id, uuid.uuid4()):
            with pytest.raises(NotFound):
                await unavailability.remove_absence(session, absence_id=absence_id, **who)
        for exception_id in (exception.id, uuid.uuid4()):
            with pytest.raises(NotFound):
                await unavailability.remove_exception(session, exception_id=exception_id, **who)


async def test_a_booking_and_an_absence_at_once_leave_nobody_without_a_doctor(committed_database: Database) -> None:
    async with committed_database.transaction() as session:
        world = await make_world(session)
    starts_at = START + timedelta(days=7)

    async def reserve() -> None:
        async with committed_database.transaction() as session:
            await book(
                session,
                operator=OPERATOR,
                control_id=world.control.id,
                doctor_id=world.doctor.id,
                starts_at=starts_at,
                actor=HANDLER,
                now=NOW,
            )

    day = whole_days(MONDAY + timedelta(days=7), MONDAY + timedelta(days=7), PARIS)
    booked, _ = await asyncio.gather(reserve(), _away(committed_database, world, day), return_exceptions=True)

    tasks = await _tasks(committed_database)
    assert isinstance(booked, SlotTaken) or len(tasks) == 1, "booked first: the desk is asked; away first: not offered"


async def test_a_week_shows_each_local_day_with_what_it_holds(database: Database, world: World) -> None:
    appointment = await _appoint(database, world)
    await _away(database, world, Period(START + timedelta(hours=5), START + timedelta(days=1)))

    week = await _week(database, world)

    assert [day.on for day in week.days] == [MONDAY + timedelta(days=number) for number in range(7)]
    monday, tuesday, saturday = week.days[0], week.days[1], week.days[5]
    assert [each.id for each in monday.appointments] == [appointment.id]
    assert [(o.starts_at.hour, o.ends_at.hour) for o in monday.openings] == [(7, 11)]
    assert [(o.starts_at.hour, o.ends_at.hour) for o in tuesday.openings] == [(8, 11), (13, 17)]
    assert len(monday.absences) == len(tuesday.absences) == 1
    assert not saturday.openings
    assert len(week.absences) == 1


async def test_a_holiday_closes_the_day_unless_the_doctor_works_on_it(database: Database, world: World) -> None:
    easter_monday = date(2026, 4, 6)

    closed = (await _week(database, world, on=easter_monday)).days[0]
    async with database.transaction() as session:
        doctor = await session.merge(world.doctor)
        doctor.works_on_holidays = True
    open_all_the_same = (await _week(database, world, on=easter_monday)).days[0]

    assert closed.holidays == open_all_the_same.holidays == (Holiday.EASTER_MONDAY,)
    assert (closed.is_closed_by_holiday, len(closed.openings)) == (True, 0)
    assert (open_all_the_same.is_closed_by_holiday, len(open_all_the_same.openings)) == (False, 2)


async def test_what_is_past_cannot_be_taken_back_and_far_years_are_not_known(database: Database, world: World) -> None:
    await _away(database, world, Period(NOW - timedelta(hours=2), NOW + timedelta(hours=2)))

    later = await _week(database, world, on=date(2026, 3, 2), now=NOW + timedelta(hours=3))

    assert not later.absences
    assert len(later.days[0].absences) == 1
    with pytest.raises(NotFound):
        await _week(database, world, on=date(2041, 1, 1))
    async with database.reading() as session:
        with pytest.raises(NotFound):
            await week_of(session, staff_viewer(world.handler), now=NOW)
