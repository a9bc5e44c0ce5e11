"""Which doctors may examine on a day."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from telecontrol.accounts.access import Who
from telecontrol.accounts.models import Role, StaffUser
from telecontrol.controls.checks import luhn_sum
from telecontrol.controls.doctors import (
    approvals_between,
    doctor_of_user,
    excluded_rpps,
    is_suitable,
    suitable_doctor_ids,
    viewer_of,
)
from telecontrol.controls.models import Doctor, DoctorApproval, Procedure
from telecontrol.controls.requests import NewControl, request_control
from telecontrol.db.journal import SERVICE
from telecontrol.db.session import Database

SPRING = (date(2026, 3, 1), date(2026, 5, 31))
RPPS = ["10000000001", "10000000002", "10000000003", "10000000004"]


def with_key(ten_digits: str) -> str:
    return next(f"{ten_digits}{key}" for key in range(10) if luhn_sum(f"{ten_digits}{key}") % 10 == 0)


async def doctor(
    database: Database, rpps: str, *approvals: tuple[Procedure, date, date | None], **given: Any
) -> uuid.UUID:
    async with database.transaction() as session:
        row = Doctor(rpps=rpps, family_name="Nom", given_name="Prénom", **given)
        session.add(row)
        await session.flush()
        for procedure, first, last in approvals:
            session.add(DoctorApproval(doctor_id=row.id, procedure=procedure, valid_from_on=first, valid_until_on=last))
    return row.id


@pytest.mark.parametrize(
    ("on", "is_approved"),
    [
        (date(2026, 2, 28), False),
        (date(2026, 3, 1), True),
        (date(2026, 5, 31), True),
        (date(2026, 6, 1), False),
    ],
)
async def test_approvals_count_with_both_their_days(database: Database, on: date, is_approved: bool) -> None:
    spring = await doctor(database, RPPS[0], (Procedure.A, *SPRING))
    endless = await doctor(database, RPPS[1], (Procedure.A, date(2020, 1, 1), None))
    await doctor(database, RPPS[2], (Procedure.B, *SPRING))
    await doctor(database, RPPS[3], (Procedure.A, *SPRING), is_active=False)
    async with database.reading() as session:
        found = await suitable_doctor_ids(session, procedure=Procedure.A, on=on)
        assert set(found) == ({spring, endless} if is_approved else {endless})


async def test_the_prescriber_and_the_treating_doctor_are_never_suitable(
    database: Database, office: Any, new_control: Callable[..., NewControl], now: datetime
) -> None:
    numbers = [with_key("7992739871"), with_key("1000000000")]
    prescriber, treating, free = [
        await doctor(database, number, (Procedure.A, *SPRING)) for number in (*numbers, RPPS[2])
    ]
    async with database.transaction() as session:
        control = await request_control(
            session,
            organisation=office.organisation,
            insurer=office.insurer,
            request=new_control(prescriber_rpps=numbers[0], treating_rpps=numbers[1]),
            actor=SERVICE,
            now=now,
        )
    on = date(2026, 3, 10)
    async with database.reading() as session:
        excluding = excluded_rpps(control)
        assert await suitable_doctor_ids(session, procedure=control.procedure, on=on, excluding=excluding) == [free]
        suited = {
            some: await is_suitable(session, control, doctor_id=some, on=on) for some in (prescriber, treating, free)
        }
        assert suited == {prescriber: False, treating: False, free: True}
        assert not await is_suitable(session, control, doctor_id=free, on=date(2026, 6, 1))


async def test_the_days_of_each_suitable_doctor_over_a_period(database: Database) -> None:
    twice = await doctor(
        database,
        RPPS[0],
        (Procedure.A, *SPRING),
        (Procedure.A, date(2026, 9, 1), None),
        (Procedure.A, date(2025, 1, 1), date(2025, 2, 1)),
    )
    async with database.reading() as session:
        found = await approvals_between(
            session, procedure=Procedure.A, first_on=date(2026, 5, 31), last_on=date(2026, 9, 1)
        )
        assert found == {twice: [SPRING, (date(2026, 9, 1), None)]}


async def test_a_doctor_who_signs_in_is_a_viewer_of_their_own_cases(database: Database, now: datetime) -> None:
    async with database.transaction() as session:
        user = StaffUser(
            email="docteur@cabinet.example", display_name="Dr", role=Role.DOCTOR, password_hash="x", created_at=now
        )
        session.add(user)
    doctor_id = await doctor(database, RPPS[0], user_id=user.id)
    async with database.reading() as session:
        found = await doctor_of_user(session, user.id)
        assert found is not None
        viewer = await viewer_of(session, user)
        assert (viewer.role, viewer.doctor_id, found.id) == (Who.DOCTOR, doctor_id, doctor_id)
