"""No double booking of a doctor, an insured or a room, under any interleaving (PROMISES P11)."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select

from telecontrol.controls.policies import Mode
from telecontrol.db.session import Database
from telecontrol.errors import TelecontrolError
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.models import Appointment
from tests.support.world import HANDLER, NOW, World, make_control, make_world, operator

MONDAY_NINE = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
OPERATOR = operator()


async def _world(database: Database, *, controls: int) -> tuple[World, list[uuid.UUID]]:
    async with database.transaction() as session:
        world = await make_world(session)
        made = [
            await make_control(session, organisation=world.organisation, insurer=world.insurer, number=number)
            for number in range(2, 2 + controls)
        ]
    return world, [control.id for control in made]


async def _attempt(database: Database, **given: Any) -> str:
    try:
        async with database.transaction() as session:
            await book(session, **{"operator": OPERATOR, "actor": HANDLER, "now": NOW, **given})
    except TelecontrolError as error:
        return error.code
    return "booked"


async def test_forty_rivals_for_one_slot_leave_one_winner(committed_database: Database) -> None:
    world, controls = await _world(committed_database, controls=40)
    outcomes = await asyncio.gather(
        *(
            _attempt(committed_database, control_id=control, doctor_id=world.doctor.id, starts_at=MONDAY_NINE)
            for control in controls
        )
    )
    assert Counter(outcomes) == {"booked": 1, "slot_taken": 39}


async def test_partial_overlaps_leave_no_two_that_meet(committed_database: Database) -> None:
    world, controls = await _world(committed_database, controls=18)
    outcomes = await asyncio.gather(
        *(
            _attempt(
                committed_database,
                control_id=control,
                doctor_id=world.doctor.id,
                starts_at=MONDAY_NINE + timedelta(minutes=10 * (number % 9)),
            )
            for number, control in enumerate(controls)
        )
    )
    # Whichever came first, blocks of 30 minutes on starts 0 to 80 minutes leave room for two or three.
    assert Counter(outcomes)["booked"] in (2, 3)
    assert set(outcomes) <= {"booked", "slot_taken", "doctor_taken"}
    async with committed_database.reading() as session:
        rows = (
            await session.execute(select(Appointment.starts_at, Appointment.busy_until).order_by(Appointment.starts_at))
        ).all()
    assert all(before[1] <= after[0] for before, after in pairwise(rows))


async def test_one_person_is_not_booked_twice_at_once(committed_database: Database) -> None:
    world, _ = await _world(committed_database, controls=0)
    outcomes = await asyncio.gather(
        *(
            _attempt(
                committed_database,
                control_id=world.control.id,
                doctor_id=doctor.id,
                starts_at=MONDAY_NINE + timedelta(minutes=minutes),
            )
            for doctor in (world.doctor, world.other_doctor)
            for minutes in (0, 10, 20)
        )
    )
    assert Counter(outcomes)["booked"] == 1
    async with committed_database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Appointment)) == 1


async def test_one_room_is_not_given_twice(committed_database: Database) -> None:
    world, controls = await _world(committed_database, controls=8)
    outcomes = await asyncio.gather(
        *(
            _attempt(
                committed_database,
                control_id=control,
                doctor_id=(world.doctor if number % 2 else world.other_doctor).id,
                starts_at=MONDAY_NINE,
                mode=Mode.SURGERY,
                site_id=world.site.id,
            )
            for number, control in enumerate(controls)
        )
    )
    assert Counter(outcomes)["booked"] == 1
    assert set(outcomes) <= {"booked", "slot_taken", "room_taken", "doctor_taken"}
