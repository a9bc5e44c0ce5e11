"""Which doctors may examine: approved on the day, active, and neither prescriber nor treating doctor (`DOMAIN.md` §2)."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
from datetime import date

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import StaffUser
from telecontrol.accounts.viewer import Viewer, staff_viewer
from telecontrol.controls.models import Control, Doctor, DoctorApproval, Procedure

Days = tuple[date, date | None]
"""First and last day, both included; an open end is `None`."""


def excluded_rpps(control: Control) -> frozenset[str]:
    """The national numbers of the doctors who may never examine in this control."""
    return frozenset(number for number in (control.prescriber_rpps, control.treating_rpps) if number)


async def suitable_doctor_ids(
    session: AsyncSession, *, procedure: Procedure, on: date, excluding: Collection[str] = ()
) -> list[uuid.UUID]:
    """The doctors who may examine under `procedure` on that day; `excluding` holds RPPS numbers. One query."""
    found = await session.scalars(
        select(Doctor.id)
        .join(DoctorApproval, DoctorApproval.doctor_id == Doctor.id)
        .where(*_may_examine(procedure, excluding), *_valid_between(on, on))
        .distinct()
        .order_by(Doctor.id)
    )
    return list(found)


async def approvals_between(
    session: AsyncSession,
    *,
    procedure: Procedure,
    first_on: date,
    last_on: date,
    excluding: Collection[str] = (),
) -> dict[uuid.UUID, list[Days]]:
    """The suitable doctors of a period with the days of their approvals (inclusive; an open end is `None`). One query."""
    rows = await session.execute(
        select(Doctor.id, DoctorApproval.valid_from_on, DoctorApproval.valid_until_on)
        .join(DoctorApproval, DoctorApproval.doctor_id == Doctor.id)
        .where(*_may_examine(procedure, excluding), *_valid_between(first_on, last_on))
        .order_by(Doctor.id, DoctorApproval.valid_from_on)
    )
    periods: dict[uuid.UUID, list[Days]] = defaultdict(list)
    for doctor_id, first, last in rows:
        periods[doctor_id].append((first, last))
    return dict(periods)


async def is_suitable(session: AsyncSession, control: Control, *, doctor_id: uuid.UUID, on: date) -> bool:
    """Whether this doctor may examine in this control on that day."""
    found = await session.scalar(
        select(Doctor.id)
        .join(DoctorApproval, DoctorApproval.doctor_id == Doctor.id)
        .where(
            Doctor.id == doctor_id,
            *_may_examine(control.procedure, excluded_rpps(control)),
            *_valid_between(on, on),
        )
        .limit(1)
    )
    return found is not None


async def doctor_of_user(session: AsyncSession, user_id: uuid.UUID) -> Doctor | None:
    """The doctor who signs in as this user."""
    found: Doctor | None = await session.scalar(select(Doctor).where(Doctor.user_id == user_id))
    return found


async def viewer_of(session: AsyncSession, user: StaffUser) -> Viewer:
    """The viewer that somebody who signed in is, with the doctor behind them."""
    doctor = await doctor_of_user(session, user.id)
    return staff_viewer(user, doctor_id=None if doctor is None else doctor.id)


def _may_examine(procedure: Procedure, excluding: Collection[str]) -> list[ColumnElement[bool]]:
    return [
        Doctor.is_active.is_(True),
        DoctorApproval.procedure == procedure,
        Doctor.rpps.not_in([number for number in excluding if number]),
    ]


def _valid_between(first_on: date, last_on: date) -> list[ColumnElement[bool]]:
    return [
        DoctorApproval.valid_from_on <= last_on,
        or_(DoctorApproval.valid_until_on.is_(None), DoctorApproval.valid_until_on >= first_on),
    ]
